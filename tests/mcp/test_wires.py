"""What is said of a wire, and with which types: versions of HTTP, ports, addresses, and wires that lack one of them."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from opentelemetry.trace import SpanKind

from groundhog_otel import semconv
from groundhog_otel.mcp.transport import Tag, client_address, http_client, http_server
from tests.support import sdk
from tests.support.telemetry import Capture, attributes


@pytest.mark.parametrize(
    ("url", "address", "port"),
    [
        ("http://host/mcp", "host", 80),
        ("https://host/mcp", "host", 443),
        ("https://user:password@Host.example:8443/mcp?key=secret", "host.example", 8443),
        ("http://[::1]:8000/mcp", "::1", 8000),
    ],
)
def test_where_a_client_sends_to(url: str, address: str, port: int) -> None:
    found = http_client(url).attributes("2025-06-18")
    assert found == {
        semconv.MCP_PROTOCOL_VERSION: "2025-06-18",
        semconv.NETWORK_TRANSPORT: "tcp",
        semconv.NETWORK_PROTOCOL_NAME: "http",
        semconv.SERVER_ADDRESS: address,
        semconv.SERVER_PORT: port,
    }
    assert type(found[semconv.SERVER_PORT]) is int


@pytest.mark.parametrize(("said", "version"), [("HTTP/1.1", "1.1"), ("HTTP/2", "2"), ("HTTP/3", "3"), ("odd", None)])
def test_the_version_of_http_is_the_first_responses(said: str, version: str | None) -> None:
    tag = Tag(http_client("http://host/mcp"))
    tag.learn_http_version("http://host/mcp", SimpleNamespace(http_version=said))
    assert tag.transport.attributes(None).get(semconv.NETWORK_PROTOCOL_VERSION) == version


def test_a_server_says_what_its_asgi_server_says() -> None:
    assert http_server("2").attributes(None)[semconv.NETWORK_PROTOCOL_VERSION] == "2"
    assert semconv.NETWORK_PROTOCOL_VERSION not in http_server(None).attributes(None)


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (("::1", 4711), {semconv.CLIENT_ADDRESS: "::1", semconv.CLIENT_PORT: 4711}),
        (("10.0.0.1", 0), {semconv.CLIENT_ADDRESS: "10.0.0.1"}),  # uvicorn's, of a forwarded request
        (("10.0.0.1", None), {semconv.CLIENT_ADDRESS: "10.0.0.1"}),
        (("", 0), {}),
        (None, {}),
    ],
)
def test_a_client_has_the_port_that_is_known(client: Any, expected: dict[str, Any]) -> None:
    assert client_address({"client": client}) == expected


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def test_over_a_unix_socket_nobody_has_an_address(capture: Capture, tmp_path: Path) -> None:
    """As behind a proxy on the same machine."""
    settings = {"stateless_http": True, "json_response": True}
    made = sdk.make_server(**({} if sdk.IS_V2 else settings))
    app = made.streamable_http_app(**(settings if sdk.IS_V2 else {}))
    socket_path = str(tmp_path / "socket")
    server = uvicorn.Server(uvicorn.Config(app, uds=socket_path, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        params = {"name": "add", "arguments": {"a": 1, "b": 2}}
        connection = _Unix(socket_path)
        accept = "application/json, text/event-stream"
        headers = {"Content-Type": "application/json", "Accept": accept, "Host": "localhost:80"}
        path = "/mcp" if sdk.VERSION >= (1, 12) else "/mcp/"  # where 1.10 redirects to
        connection.request("POST", path, json.dumps({**message, "params": params}), headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
    finally:
        server.should_exit = True
        thread.join(20)
    assert response.status == 200, body
    assert json.loads(body)["result"]["content"][0]["text"] == "3"
    found = attributes(capture.one(SpanKind.SERVER, "tools/call add"))
    assert found[semconv.NETWORK_PROTOCOL_VERSION] == "1.1"
    assert not {semconv.CLIENT_ADDRESS, semconv.CLIENT_PORT} & set(found)
