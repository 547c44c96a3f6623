"""Every way in which an endpoint may answer, from real servers on loopback."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import grpc  # type: ignore[import-untyped]
import pytest

from groundhog_otel.diagnosis.probe import Outcome, Protocol, Target, probe
from groundhog_otel.diagnosis.reached import reached
from tests.support.receiver import receiving

Signal = Literal["traces", "metrics"]


def _target(
    port: int,
    protocol: Protocol = "http/protobuf",
    *,
    host: str = "127.0.0.1",
    tls: bool = False,
    signal: Signal = "traces",
    **rest: Any,
) -> Target:
    path = "" if protocol == "grpc" else f"/v1/{signal}"
    url = f"{'https' if tls else 'http'}://{host}:{port}{path}"
    return Target(signal=signal, protocol=protocol, url=url, secure=tls, **rest)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@contextmanager
def _grpc_server(answer: Callable[[bytes, Any], bytes] | None) -> Iterator[int]:
    """Serve OTLP over gRPC, answered by a function; with None, serve gRPC and nothing of OTLP."""
    server = grpc.server(ThreadPoolExecutor(2))
    if answer is not None:
        handler = {"Export": grpc.unary_unary_rpc_method_handler(answer)}
        for service in ("trace.v1.TraceService", "metrics.v1.MetricsService"):
            name = f"opentelemetry.proto.collector.{service}"
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handler),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


@contextmanager
def _http_server(handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Page(BaseHTTPRequestHandler):
    kind = "text/html"
    body = b"<p>Hello"

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody has signed, and its key, in one file."""
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    made = subprocess.run([*request, *names, "-keyout", "-", "-out", "-"], capture_output=True, timeout=50, check=True)
    file.write_bytes(made.stdout)
    return file


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
@pytest.mark.parametrize("signal", ["traces", "metrics"])
def test_a_receiver_takes_an_empty_export(protocol: Protocol, signal: Signal) -> None:
    with _grpc_server(lambda _request, _context: b"") as grpc_port, receiving() as receiver:
        port = grpc_port if protocol == "grpc" else receiver.server_port
        assert probe(_target(port, protocol, signal=signal)).outcome == "taken"


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_nothing_listens(protocol: Protocol) -> None:
    assert probe(_target(_free_port(), protocol)).outcome == "refused"


def test_no_such_host() -> None:
    assert probe(_target(4317, "grpc", host="no-such-host.invalid")).outcome == "unknown host"


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_port_that_never_answers(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundhog_otel.diagnosis.probe.TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert probe(_target(mute.getsockname()[1], protocol)).outcome in ("silent", "failed")


def test_the_wrong_protocol_on_a_port() -> None:
    with receiving() as receiver:
        assert probe(_target(receiver.server_port, "grpc")).outcome == "speaks http"
    with _grpc_server(lambda _request, _context: b"") as port:
        assert probe(_target(port)).outcome == "speaks grpc"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(401, "unauthorized"), (403, "unauthorized"), (404, "not otlp"), (429, "busy"), (503, "busy"), (302, "not otlp")],
)
def test_what_http_statuses_mean(status: int, outcome: Outcome) -> None:
    with receiving(status) as receiver:
        answer = probe(_target(receiver.server_port))
    assert answer.outcome == outcome
    assert str(status) in answer.detail


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "unauthorized"),
        (grpc.StatusCode.PERMISSION_DENIED, "unauthorized"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "busy"),
        (grpc.StatusCode.INTERNAL, "failed"),
    ],
)
def test_what_grpc_statuses_mean(code: Any, outcome: Outcome) -> None:
    with _grpc_server(lambda _request, context: context.abort(code, "why")) as port:
        answer = probe(_target(port, "grpc"))
    assert answer.outcome == outcome
    assert code.name in answer.detail


def test_servers_of_something_else() -> None:
    with _http_server(_Page) as port:
        assert probe(_target(port)).outcome == "not otlp"
    with _grpc_server(None) as port:
        assert probe(_target(port, "grpc")).outcome == "not otlp"


@pytest.mark.parametrize(
    ("body", "outcome"),
    [(b"{}", "taken"), (b'{"partialSuccess": {}}\n', "taken"), (b'{"status": "Server available"}', "not otlp")],
)
def test_json_is_told_from_the_answer_to_an_export(
    body: bytes, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Page, "kind", "application/json; charset=utf-8")
    monkeypatch.setattr(_Page, "body", body)
    with _http_server(_Page) as port:
        assert probe(_target(port)).outcome == outcome


def test_headers_are_sent() -> None:
    def guarded(_request: bytes, context: Any) -> bytes:
        if ("authorization", "Bearer key") not in context.invocation_metadata():
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no key")
        return b""

    with _grpc_server(guarded) as port:
        assert probe(_target(port, "grpc")).outcome == "unauthorized"
        assert probe(_target(port, "grpc", headers={"authorization": "Bearer key"})).outcome == "taken"


def test_tls_where_it_is_and_where_it_is_not(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with _http_server(_Page, context) as port:
        assert probe(_target(port)).outcome == "tls"
        assert probe(_target(port, "grpc")).outcome == "tls"
        assert probe(_target(port, tls=True)).outcome == "untrusted"
        assert probe(_target(port, "grpc", tls=True)).outcome == "untrusted"
        trusted = probe(_target(port, tls=True, certificate=str(certificate)))
        assert (trusted.outcome, trusted.detail) == ("not otlp", "it answers with text/html")
        missing = probe(_target(port, tls=True, certificate="/no/such/file"))
        assert missing.outcome == "failed"
    with receiving() as receiver:
        assert probe(_target(receiver.server_port, tls=True)).outcome == "no tls"


def test_what_is_alike_is_one_finding_and_no_credentials_are_shown() -> None:
    port = _free_port()
    user = "http://me:s3cret@127.0.0.1"
    targets = [
        Target(signal=signal, protocol="http/protobuf", url=f"{user}:{port}/v1/{signal}", secure=False)
        for signal in ("traces", "metrics")
    ]
    (finding,) = reached(targets)
    assert finding.about == "traces and metrics"
    assert "s3cret" not in finding.says
    assert f"REDACTED@127.0.0.1:{port} over http/protobuf, where nothing listens" in finding.says
    assert "groundhog stack up" in (finding.fix or "")
