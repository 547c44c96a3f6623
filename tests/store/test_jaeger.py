"""Jaeger's answers that are no trace; what a real one answers is in tests/e2e/test_load_links.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from groundhog_otel.store import StoreError
from groundhog_otel.store import jaeger as jaeger_module
from groundhog_otel.store.jaeger import Jaeger
from tests.store.backend import answering
from tests.support.ports import free_ports
from tests.support.recorded import START, span, traces_line


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


class _Searched:
    """A Jaeger with traces a second apart, which gives the newest of a window, as many as are asked for."""

    def __init__(self, traces: int, *, apart_ms: float = 1000) -> None:
        self._spans = [span(own=one, trace=one, at_ms=one * apart_ms) for one in range(1, traces + 1)]
        self.asked: list[dict[str, str]] = []

    def __call__(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        if path == "/api/v3/services":
            return 200, b'{"services":["app","empty"]}'
        self.asked.append(query)
        begin, end = query["query.start_time_min"], query["query.start_time_max"]
        found = [one for one in self._spans if begin <= jaeger_module._rfc3339(one.start_ns) <= end]
        found = found[-int(query["query.num_traces"]) :]
        if not found or query["query.service_name"] != "app":
            return 404, b'{"error":{"httpCode":404,"message":"No traces found"}}'
        return 200, json.dumps({"result": json.loads(traces_line(*found))}).encode()


def _search(searched: _Searched, **options: Any) -> tuple[list[int], bool]:
    with answering(searched) as address:
        traces, complete = Jaeger(address).search(since_ns=START, until_ns=START + 3600 * 10**9, **options)
    return [int(trace.trace_id, 16) for trace in traces], complete


def test_a_search_is_of_all_services_unless_some_are_named() -> None:
    searched = _Searched(3)
    assert _search(searched) == ([1, 2, 3], True)
    assert [query["query.service_name"] for query in searched.asked] == ["app", "empty"]
    assert {query["query.raw_traces"] for query in searched.asked} == {"true"}
    assert _search(searched, services=["empty"]) == ([], True)


def test_a_window_with_more_traces_than_a_page_is_asked_for_in_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaeger_module, "_PAGE", 7)
    searched = _Searched(100)
    assert _search(searched) == (list(range(1, 101)), True)
    assert 15 < len(searched.asked) < 100


def test_of_more_than_are_wanted_the_newest_are_given_and_no_more_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaeger_module, "_PAGE", 7)
    few, many = _Searched(100), _Searched(100)
    assert _search(few, most=10) == (list(range(91, 101)), False)
    _search(many)
    assert len(few.asked) < len(many.asked) / 2


def test_more_traces_at_once_than_a_page_are_said_not_to_be_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaeger_module, "_PAGE", 7)
    found, complete = _search(_Searched(20, apart_ms=0.001))
    assert not complete
    assert 7 <= len(found) < 20


def test_times_are_written_to_the_nanosecond() -> None:
    assert jaeger_module._rfc3339(1_800_000_000 * 10**9 + 7) == "2027-01-15T08:00:00.000000007Z"


def test_what_has_no_services_is_no_jaeger() -> None:
    up = answering(lambda _path, _query: (200, b'{"status":"up"}'))
    with up as address, pytest.raises(StoreError, match="something else than its services"):
        Jaeger(address).services()
    with answering(lambda _path, _query: (200, b"{}")) as address:
        assert Jaeger(address).services() == ()
