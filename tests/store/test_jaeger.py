"""Jaeger's answers that are no trace; what a real one answers is in tests/e2e/test_load_links.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from groundhog_otel.store import StoreError
from groundhog_otel.store.jaeger import Jaeger
from tests.support.ports import free_ports
from tests.support.recorded import span, traces_line


class _Answers(HTTPServer):
    status, body = 200, b""


@pytest.fixture
def server() -> Iterator[_Answers]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers.paths.append(self.path)
            self.send_response(answers.status)
            self.send_header("Content-Length", str(len(answers.body)))
            self.end_headers()
            self.wfile.write(answers.body)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    class Answers(_Answers):
        paths: list[str] = []  # noqa: RUF012 - one server, one list

    answers = Answers(("127.0.0.1", 0), Handler)
    thread = Thread(target=answers.serve_forever)
    thread.start()
    yield answers
    answers.shutdown()
    thread.join()
    answers.server_close()


def _jaeger(server: _Answers) -> Jaeger:
    return Jaeger(f"http://127.0.0.1:{server.server_port}/")


def _message(*numbers: int) -> bytes:
    return json.dumps({"result": json.loads(traces_line(*(span(own=one) for one in numbers)))}).encode()


def test_a_trace_of_one_message_or_of_several_is_read(server: _Answers) -> None:
    server.body = _message(1)
    trace = _jaeger(server).trace("0" * 31 + "1")
    assert trace is not None
    assert [one.span_id for one in trace.spans] == [f"{1:016x}"]
    server.body = _message(1, 2) + b"\n" + _message(3) + b"\n"
    stored = _jaeger(server).look(["0" * 31 + "1"])["0" * 31 + "1"]
    assert len(stored.trace.spans) == 3
    assert stored.where == f"http://127.0.0.1:{server.server_port}/trace/{'0' * 31}1"


def test_a_trace_that_it_does_not_have(server: _Answers) -> None:
    server.status, server.body = 404, b'{"error":{"httpCode":404,"message":"No traces found"}}'
    assert _jaeger(server).look(["1" * 32]) == {}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, b"404 page not found", "answers 404: is that Jaeger 2's query service"),
        (500, b"", "answers 500"),
        (200, b"<html>", "answers something else than a trace"),
        (200, b"[]", "answers something else than a trace"),
        (200, b'{"result": {"resourceSpans": 1}}', "answers something else than a trace"),
        (200, b"\xff", "answers something else than a trace"),
    ],
)
def test_what_is_no_jaeger_is_named(server: _Answers, status: int, body: bytes, said: str) -> None:
    server.status, server.body = status, body
    with pytest.raises(StoreError, match=said):
        _jaeger(server).trace("1" * 32)


def test_nobody_answers() -> None:
    with pytest.raises(StoreError, match="does not answer"):
        Jaeger(f"http://127.0.0.1:{free_ports()['jaeger_query']}").trace("1" * 32)


@pytest.mark.parametrize("address", ["localhost:16686", "ftp://host", "http://", ""])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(StoreError, match="Write http://host:port"):
        Jaeger(address)
