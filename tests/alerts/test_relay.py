"""Alerts on their way to Alertmanager: linked to their very trace where there is one, and passed on in any case."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.alerts import AlertError
from groundhog_otel.alerts.relay import Addresses, Relay, server
from groundhog_otel.alerts.very_trace import over_budget_s
from groundhog_otel.cli.relay import relay as command

Answer = tuple[int, bytes]
NOW = 1_790_000_000.0
NOBODY = "http://127.0.0.1:1"
FAST, SLOW, SLOWER, GONE = (digit * 32 for digit in "abcd")
_DIRECT = build_opener(ProxyHandler({}))


@contextmanager
def listening(answer: Callable[[str, bytes], Answer]) -> Iterator[str]:
    """Serve on loopback what ``answer`` gives for a path and a body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._do(b"")

        def do_POST(self) -> None:
            self._do(self.rfile.read(int(self.headers["Content-Length"])))

        def _do(self, body: bytes) -> None:
            status, text = answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """The relay may have hung up."""

    with serving(Server(("127.0.0.1", 0), Handler)) as url:
        yield url


@contextmanager
def serving(found: ThreadingHTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{found.server_port}"
    finally:
        found.shutdown()
        found.server_close()
        thread.join()


class Backends:
    """Prometheus' exemplars and Jaeger's traces, as each would answer."""

    def __init__(self) -> None:
        self.exemplars: list[tuple[str, float, float]] = []
        """Trace id, seconds, when."""
        self.stored: set[str] = set()
        self.asked: list[dict[str, list[str]]] = []

    def prometheus(self, path: str, _: bytes) -> Answer:
        query = parse_qs(urlsplit(path).query)
        self.asked.append(query)
        first, last = float(query["start"][0]), float(query["end"][0])
        exemplars = [
            {"labels": {"trace_id": trace_id, "span_id": "1" * 16}, "value": str(value), "timestamp": at}
            for trace_id, value, at in self.exemplars
            if first <= at <= last
        ]
        return 200, json.dumps({"status": "success", "data": [{"seriesLabels": {}, "exemplars": exemplars}]}).encode()

    def jaeger(self, path: str, _: bytes) -> Answer:
        trace_id = path.rpartition("/")[2]
        if trace_id not in self.stored:
            return 404, b'{"data": null, "errors": [{"code": 404, "msg": "trace not found"}]}'
        return 200, json.dumps({"data": [{"traceID": trace_id, "spans": []}]}).encode()


@pytest.fixture
def backends() -> Backends:
    found = Backends()
    found.exemplars = [(FAST, 0.004, NOW - 20), (GONE, 0.9, NOW - 15), (SLOWER, 0.5, NOW - 12), (SLOW, 0.08, NOW - 9)]
    found.stored = {FAST, SLOW, SLOWER}
    return found


@pytest.fixture
def addresses(backends: Backends) -> Iterator[Addresses]:
    with listening(backends.prometheus) as prometheus, listening(backends.jaeger) as jaeger:
        yield Addresses(NOBODY, prometheus, jaeger)


def _relay(addresses: Addresses, *, wait_s: float = 0.0, now: float = NOW) -> Relay:
    return Relay(addresses, wait_s=wait_s, clock=lambda: now)


def alert(*, selector: str = 'x_bucket{tool="a"}', ended: bool = False, **notes: str) -> dict[str, Any]:
    annotations = {
        "summary": "slow",
        "budget": "50ms",
        "exemplars": selector,
        "traces": "https://jaeger.example/search?service=s",
    }
    return {
        "labels": {"alertname": "Slow", "gen_ai_tool_name": "a"},
        "annotations": {**annotations, **notes},
        "startsAt": "2026-09-21T14:13:10.123456789Z",
        "endsAt": "2026-09-21T14:13:15Z" if ended else "2026-09-21T14:33:20.5Z",
    }


def sent(relay: Relay, *alerts: dict[str, Any]) -> list[dict[str, str]]:
    """Return the annotations that Alertmanager would get."""
    return [one["annotations"] for one in json.loads(relay.enriched(json.dumps(alerts).encode()))]


def test_the_link_is_to_the_slowest_trace_that_is_stored(backends: Backends, addresses: Addresses) -> None:
    (notes,) = sent(_relay(addresses), alert())
    assert notes["trace"] == f"https://jaeger.example/trace/{SLOWER}"
    assert (notes["trace_id"], notes["trace_duration"]) == (SLOWER, "500ms")
    assert notes["summary"] == "slow"
    assert backends.asked[0]["query"] == ['x_bucket{tool="a"}']


def test_of_failed_operations_it_is_the_newest(addresses: Addresses) -> None:
    (notes,) = sent(_relay(addresses), alert(selector='x_bucket{error_type!=""}', budget="5%"))
    assert notes["trace_id"] == SLOW


def test_without_a_page_of_traces_the_link_goes_where_the_relay_asks(addresses: Addresses) -> None:
    (notes,) = sent(_relay(addresses), alert(traces=""))
    assert notes["trace"] == f"{addresses.jaeger}/trace/{SLOWER}"


def test_what_is_within_the_budget_is_not_what_the_alert_is_about(backends: Backends, addresses: Addresses) -> None:
    backends.exemplars = backends.exemplars[:1]
    (notes,) = sent(_relay(addresses), alert())
    assert "trace" not in notes


def test_a_trace_of_the_last_minutes_goes_before_a_slower_one_of_hours_ago(
    backends: Backends, addresses: Addresses
) -> None:
    backends.exemplars = [(SLOWER, 0.5, NOW - 7200), (SLOW, 0.08, NOW - 9)]
    assert sent(_relay(addresses), alert())[0]["trace_id"] == SLOW
    backends.exemplars.pop()
    assert sent(_relay(addresses), alert())[0]["trace_id"] == SLOWER


def test_the_link_stays_the_same_until_the_alert_has_ended(backends: Backends, addresses: Addresses) -> None:
    relay = _relay(addresses)
    backends.exemplars = backends.exemplars[3:]
    assert sent(relay, alert())[0]["trace_id"] == SLOW
    backends.exemplars.append((SLOWER, 0.5, NOW - 1))
    assert sent(relay, alert())[0]["trace_id"] == SLOW
    asked = len(backends.asked)
    assert sent(relay, alert(ended=True))[0]["trace_id"] == SLOW
    assert "trace" not in sent(relay, alert(ended=True))[0], "remembered for longer than the alert"
    assert len(backends.asked) == asked


def test_a_new_alert_waits_for_its_trace_and_later_ones_of_it_do_not(backends: Backends, addresses: Addresses) -> None:
    relay, comes = _relay(addresses, wait_s=20), backends.exemplars
    backends.exemplars = []
    timer = threading.Timer(0.7, lambda: backends.exemplars.extend(comes))
    timer.start()
    assert sent(relay, alert())[0]["trace_id"] == SLOWER
    timer.join()
    backends.exemplars = []
    other = {**alert(), "startsAt": "2026-09-21T14:13:11Z"}
    impatient = _relay(addresses, wait_s=0.1)
    assert "trace" not in sent(impatient, other)[0]
    asked = len(backends.asked)
    impatient._wait_s = 60
    assert "trace" not in sent(impatient, other)[0]
    assert len(backends.asked) == asked + 2, "an alert that is known was waited for"


def test_what_cannot_be_asked_costs_the_link_and_nothing_else(addresses: Addresses) -> None:
    body = json.dumps([alert()], indent=3).encode()
    for unreachable in (addresses._replace(prometheus=NOBODY), addresses._replace(jaeger=NOBODY)):
        assert _relay(unreachable, wait_s=5).enriched(body) == body
    with listening(lambda path, body: (200, b"<html>")) as garbage:
        assert _relay(addresses._replace(prometheus=garbage), wait_s=5).enriched(body) == body


def test_a_prometheus_that_does_not_answer_holds_alerts_no_longer_than_is_said(addresses: Addresses) -> None:
    released = threading.Event()

    def never(path: str, body: bytes) -> Answer:
        released.wait(60)
        return 200, b""

    with listening(never) as silent:
        relay, began = _relay(addresses._replace(prometheus=silent), wait_s=0.5), time.monotonic()
        body = json.dumps([{**alert(), "labels": {"number": str(number)}} for number in range(50)]).encode()
        assert relay.enriched(body) == body
        assert time.monotonic() - began < 30, "each alert has waited for itself"
        released.set()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["labels", "annotations", "exemplars", "startsAt", "endsAt", "budget"]), inner
        )
    ),
    max_leaves=20,
)


@given(_JSON)
def test_whatever_comes_is_passed_on(value: object) -> None:
    body = json.dumps(value).encode()
    assert _relay(Addresses(NOBODY, NOBODY, NOBODY)).enriched(body) == body


@given(st.binary(max_size=50))
def test_what_is_no_json_is_passed_on(body: bytes) -> None:
    assert _relay(Addresses(NOBODY, NOBODY, NOBODY)).enriched(body) == body


def _post(url: str, body: bytes) -> Answer:
    try:
        with _DIRECT.open(Request(url, body), timeout=30) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()


def test_it_answers_what_alertmanager_answers(addresses: Addresses) -> None:
    got: list[tuple[str, bytes]] = []
    says: Answer = (200, b"")

    def alertmanager(path: str, body: bytes) -> Answer:
        got.append((path, body))
        return says

    with ExitStack() as stack:
        url = stack.enter_context(listening(alertmanager))
        passes_on = _relay(addresses._replace(alertmanager=url))
        relay = stack.enter_context(serving(server(("127.0.0.1", 0), passes_on)))
        body = json.dumps([alert()]).encode()
        assert _post(f"{relay}/api/v2/alerts", body) == (200, b"")
        assert got[0][0] == "/api/v2/alerts"
        assert json.loads(got[0][1])[0]["annotations"]["trace_id"] == SLOWER
        says = (400, b"no alerts")
        assert _post(f"{relay}/api/v2/alerts", b"[") == (400, b"no alerts")
        assert got[1][1] == b"["
        assert _post(f"{relay}/api/v2/silences", b"{}")[0] == 404
        with _DIRECT.open(f"{relay}/-/healthy", timeout=30) as healthy:
            assert healthy.status == 200


def test_without_alertmanager_prometheus_is_told_to_try_again(addresses: Addresses) -> None:
    with serving(server(("127.0.0.1", 0), _relay(addresses))) as relay:
        status, said = _post(f"{relay}/api/v2/alerts", b"[]")
    assert status == 502
    assert f"Alertmanager at {NOBODY} does not answer".encode() in said


@pytest.mark.parametrize(
    ("budget", "above_s"), [("50ms", 0.05), ("1s for 99% of operations", 1.0), ("5%", 0.0), ("", 0.0), ("50", 0.0)]
)
def test_the_budget_says_what_is_slow(budget: str, above_s: float) -> None:
    assert over_budget_s(budget) == above_s


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"jaeger": "localhost:16686"}, "--jaeger: 'localhost:16686' is no web address. Write http://host:port"),
        ({"listen": "9095"}, "--listen: '9095' is no address to listen on. Write 127.0.0.1:9095"),
    ],
)
def test_wrong_addresses_are_said(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(AlertError) as raised:
        command(**wrong)
    assert says in str(raised.value)


def test_a_taken_port_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(AlertError, match=f"cannot listen on {listen}"):
            command(listen=listen)
