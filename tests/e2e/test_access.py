"""Nobody let in: a gateway with TLS, certificates of clients and tokens, an agent that has them; no secret in a log."""

from __future__ import annotations

import http.client
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import grpc  # type: ignore[import-untyped]
import pytest
import trustme
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.conftest import eventually, say
from tests.e2e.spans import call, new_ids, request_of, send
from tests.e2e.tiers import Collector
from tests.support.otlp import Receiver, receiving

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

Protocol = Literal["grpc", "http"]
PROTOCOLS: tuple[Protocol, ...] = ("grpc", "http")
TOKEN, NEXT_TOKEN, WRONG = "token-of-the-test-61c0", "token-of-the-test-b7d2", "token-of-somebody-else"
VENDOR_KEY = "vendor-key-of-the-test-90aa"


@dataclass
class Papers:
    """Files of an authority, of the gateway, of a client, and of a client of another authority."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Papers:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        for name, identity in (("server", "127.0.0.1"), ("client", "client.test")):
            cls._write(folder, name, authority.issue_cert(identity))
        cls._write(folder, "stranger", trustme.CA().issue_cert("client.test"))
        (folder / "token").write_text(TOKEN)
        return cls(folder)

    @staticmethod
    def _write(folder: Path, name: str, cert: trustme.LeafCert) -> None:
        cert.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        cert.cert_chain_pems[0].write_to_path(str(folder / f"{name}.crt"))

    def path(self, name: str) -> str:
        return str(self.folder / name)


@dataclass
class Gateway:
    """A running gateway, what comes out of it, and how to speak to it."""

    collector: Collector
    sink: Receiver
    papers: Papers

    def says(self, protocol: Protocol, *, token: str | None, certificate: str | None = None) -> str:
        """Send one span, and return ``taken`` or how it was refused."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        body = request_of([call(*new_ids(1), error=True, root=True)])
        if protocol == "grpc":
            return self._grpc(body, headers, certificate)
        return self._http(body.SerializeToString(), headers, certificate)

    def _grpc(self, body: Any, headers: dict[str, str], certificate: str | None) -> str:
        key, chain = (
            (Path(self.papers.path(f"{certificate}.{end}")).read_bytes() if certificate else None)
            for end in ("key", "crt")
        )
        credentials = grpc.ssl_channel_credentials(Path(self.papers.path("ca.pem")).read_bytes(), key, chain)
        with grpc.secure_channel(self.collector.grpc, credentials) as channel:
            stub: Any = TraceServiceStub(channel)  # type: ignore[no-untyped-call]
            try:
                stub.Export(body, metadata=tuple(headers.items()), timeout=10)
            except grpc.RpcError as error:
                return str(error.code().name).lower()
        return "taken"

    def _http(self, body: bytes, headers: dict[str, str], certificate: str | None) -> str:
        context = ssl.create_default_context(cafile=self.papers.path("ca.pem"))
        if certificate:
            context.load_cert_chain(self.papers.path(f"{certificate}.crt"), self.papers.path(f"{certificate}.key"))
        port = self.collector.ports["otlp_http"]
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        try:
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf", **headers})
            status = connection.getresponse().status
        except (ssl.SSLError, ConnectionError):
            return "unavailable"
        finally:
            connection.close()
        return {200: "taken", 401: "unauthenticated"}.get(status, str(status))


def _log(collector: Collector) -> str:
    return (collector.settings.state / collector.name / f"{collector.name}.log").read_text("utf-8")


@pytest.fixture(scope="module")
def program(settings: StackSettings) -> Path:
    return Stack(settings, say=say).build()["groundhog-collector"]


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers.make(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module", params=["token", "token and certificate"])
def gateway(
    request: pytest.FixtureRequest,
    program: Path,
    settings: StackSettings,
    papers: Papers,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Gateway]:
    wanted = {
        "GROUNDHOG_TOKEN_FILE": papers.path("token"),
        "GROUNDHOG_TLS_CERT": papers.path("server.crt"),
        "GROUNDHOG_TLS_KEY": papers.path("server.key"),
        "GROUNDHOG_LOG_LEVEL": "debug",
        "GROUNDHOG_ROOT_WAIT": "200ms",
    }
    if request.param == "token and certificate":
        wanted["GROUNDHOG_TLS_CLIENT_CA"] = papers.path("ca.pem")
    state = tmp_path_factory.mktemp("gateway")
    with receiving() as sink:
        own = {**wanted, "GROUNDHOG_JAEGER_OTLP": sink.grpc}
        collector = Collector("gateway", program, settings._replace(state=state), ["gateway"], own)
        try:
            collector.start()
            yield Gateway(collector, sink, papers)
        finally:
            collector.stop()


def _asks_for_certificates(gateway: Gateway) -> bool:
    return "GROUNDHOG_TLS_CLIENT_CA" in gateway.collector.environment


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_who_has_what_it_takes_is_let_in_and_nobody_else(gateway: Gateway, protocol: Protocol) -> None:
    certificate = "client" if _asks_for_certificates(gateway) else None
    before = len(gateway.sink.spans)
    for token in (None, WRONG, "", TOKEN[:-1]):
        assert gateway.says(protocol, token=token, certificate=certificate) == "unauthenticated"
    if _asks_for_certificates(gateway):
        assert gateway.says(protocol, token=TOKEN) == "unavailable"
        assert gateway.says(protocol, token=TOKEN, certificate="stranger") == "unavailable"
    assert gateway.says(protocol, token=TOKEN, certificate=certificate) == "taken"
    eventually(lambda: len(gateway.sink.spans) > before, within_s=20, what="the span that was taken")
    assert len(gateway.sink.spans) == before + 1, "what was refused has not come through"


def test_without_tls_nothing_is_taken(gateway: Gateway) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.collector.ports["otlp_http"], timeout=10)
    connection.request("POST", "/v1/traces", b"", {"Authorization": f"Bearer {TOKEN}"})
    assert connection.getresponse().status == 400
    connection.close()
    body = request_of([call(*new_ids(1))])
    with grpc.insecure_channel(gateway.collector.grpc) as channel:
        stub: Any = TraceServiceStub(channel)  # type: ignore[no-untyped-call]
        with pytest.raises(grpc.RpcError) as caught:
            stub.Export(body, metadata=(("authorization", f"Bearer {TOKEN}"),), timeout=10)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_new_token_is_picked_up_and_the_old_one_ends(gateway: Gateway) -> None:
    certificate = "client" if _asks_for_certificates(gateway) else None
    file = Path(gateway.papers.path("token"))

    def answers(token: str) -> set[str]:
        return {gateway.says(protocol, token=token, certificate=certificate) for protocol in PROTOCOLS}

    try:
        file.write_text(f"{TOKEN}\n{NEXT_TOKEN}\n")
        eventually(lambda: answers(NEXT_TOKEN) == {"taken"}, within_s=20, what="the second token let in")
        assert answers(TOKEN) == {"taken"}
        file.write_text(f"{NEXT_TOKEN}\n")
        eventually(lambda: answers(TOKEN) == {"unauthenticated"}, within_s=20, what="the first token refused")
        assert answers(NEXT_TOKEN) == {"taken"}
        other = Path(gateway.papers.path("token.new"))
        other.write_text(TOKEN)
        other.replace(file)  # as who writes it whole or not at all does
        eventually(lambda: answers(TOKEN) == {"taken"}, within_s=20, what="the first token again")
        assert answers(NEXT_TOKEN) == {"unauthenticated"}
    finally:
        file.write_text(TOKEN)


def test_a_token_file_without_a_token_locks_nobody_out_and_lets_nobody_in(gateway: Gateway) -> None:
    """The last tokens stay good, as docs/collector.md says: to lock all out, write another token."""
    certificate = "client" if _asks_for_certificates(gateway) else None
    file = Path(gateway.papers.path("token"))
    seen = _log(gateway.collector).count("is empty")
    try:
        file.write_text("\n")
        eventually(lambda: _log(gateway.collector).count("is empty") > seen, within_s=20, what="the empty file noticed")
        for protocol in PROTOCOLS:
            assert gateway.says(protocol, token=TOKEN, certificate=certificate) == "taken"
            for token in (None, "", WRONG):
                assert gateway.says(protocol, token=token, certificate=certificate) == "unauthenticated"
    finally:
        file.write_text(TOKEN)


def test_an_agent_is_let_in_and_no_secret_is_in_either_log(
    gateway: Gateway, program: Path, settings: StackSettings, tmp_path: Path
) -> None:
    environment = {
        "GROUNDHOG_GATEWAY": gateway.collector.grpc,
        "GROUNDHOG_TOKEN_FILE": gateway.papers.path("token"),
        "GROUNDHOG_TLS_CA": gateway.papers.path("ca.pem"),
        "GROUNDHOG_LOG_LEVEL": "debug",
    }
    if _asks_for_certificates(gateway):
        environment["GROUNDHOG_TLS_CERT"] = gateway.papers.path("client.crt")
        environment["GROUNDHOG_TLS_KEY"] = gateway.papers.path("client.key")
    agent = Collector("agent", program, settings._replace(state=tmp_path), ["agent"], environment)
    traces = new_ids(20)
    try:
        agent.start()
        send(agent.ports["otlp_http"], [call(trace, error=True, root=True) for trace in traces])
        arrived = gateway.sink.spans
        eventually(
            lambda: {span.trace_id for span in arrived} >= set(traces), within_s=30, what="all through the gateway"
        )
    finally:
        agent.stop()
    keys = {line for name in ("server.key", "client.key") for line in _lines(gateway.papers.path(name))}
    for log in (_log(agent), _log(gateway.collector)):
        assert '"level":"debug"' in log
        assert not [secret for secret in (TOKEN, NEXT_TOKEN, WRONG, *keys) if secret in log]


def _lines(file: str) -> list[str]:
    return [line for line in Path(file).read_text().splitlines() if "KEY" not in line]


@pytest.mark.parametrize("source", ["environment", "file"])
def test_a_vendors_key_is_sent_and_never_logged(
    program: Path, settings: StackSettings, tmp_path: Path, source: str
) -> None:
    held = f'{{"x-api-key": "{VENDOR_KEY}"}}'
    file = tmp_path / "headers"
    file.write_text(held)
    given = held if source == "environment" else f"${{file:{file}}}"
    with receiving() as sink:
        environment = {
            "GROUNDHOG_VENDOR": sink.http,
            "GROUNDHOG_VENDOR_HEADERS": given,
            "GROUNDHOG_LOG_LEVEL": "debug",
        }
        collector = Collector("vendor", program, settings._replace(state=tmp_path), ["vendor"], environment)
        try:
            collector.start()
            send(collector.ports["otlp_http"], [call(*new_ids(1), error=True, root=True)])
            eventually(lambda: sink.spans, within_s=20, what="the span at the vendor")
        finally:
            collector.stop()
    assert VENDOR_KEY in {headers.get("x-api-key") for headers in sink.headers}
    assert VENDOR_KEY not in _log(collector)
    assert '"level":"debug"' in _log(collector)


def _log_of_a_gateway_that_does_not_start(
    program: Path, settings: StackSettings, papers: Papers, given: dict[str, str]
) -> str:
    wanted = {
        "GROUNDHOG_TOKEN_FILE": papers.path("token"),
        "GROUNDHOG_TLS_CERT": papers.path("server.crt"),
        "GROUNDHOG_TLS_KEY": papers.path("server.key"),
    }
    collector = Collector("gateway", program, settings, ["gateway"], {**wanted, **given})
    try:
        with pytest.raises(AssertionError, match="has died"):
            collector.start()
    finally:
        collector.stop()
    return _log(collector)


@pytest.mark.parametrize("missing", ["GROUNDHOG_TOKEN_FILE", "GROUNDHOG_TLS_CERT", "GROUNDHOG_TLS_CLIENT_CA"])
def test_a_gateway_without_its_papers_does_not_start(
    program: Path, settings: StackSettings, papers: Papers, tmp_path: Path, missing: str
) -> None:
    own, given = settings._replace(state=tmp_path), {missing: str(tmp_path / "nothing")}
    assert f"{os.sep}nothing" in _log_of_a_gateway_that_does_not_start(program, own, papers, given)


def test_a_gateway_with_an_empty_file_of_tokens_does_not_start(
    program: Path, settings: StackSettings, papers: Papers, tmp_path: Path
) -> None:
    file = tmp_path / "blank"
    file.write_text(" \n")
    own, given = settings._replace(state=tmp_path), {"GROUNDHOG_TOKEN_FILE": str(file)}
    assert 'blank" is empty' in _log_of_a_gateway_that_does_not_start(program, own, papers, given)
