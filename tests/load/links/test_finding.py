"""Which traces are found, how long that is waited for, and what is said of the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from groundhog_otel.load.links.finding import find, look_up
from groundhog_otel.load.results.result import LoadResult, Request
from groundhog_otel.store import StoreError
from groundhog_otel.store.model import Kind, Process, Span, Trace
from groundhog_otel.store.source import Stored
from tests.load.links.calls import request


class _Source:
    """Has spans from a certain look on."""

    name = "the source"

    def __init__(self, *spans: tuple[int, Span], fails_at: int | None = None) -> None:
        self.spans, self.looks, self.fails_at = spans, 0, fails_at
        self.asked: list[int] = []

    def look(self, trace_ids: Collection[str]) -> Mapping[str, Stored]:
        self.looks += 1
        self.asked.append(len(trace_ids))
        if self.looks == self.fails_at:
            raise StoreError("the source is gone")
        found: dict[str, list[Span]] = {}
        for since, span in self.spans:
            if since <= self.looks and span.trace_id in trace_ids:
                found.setdefault(span.trace_id, []).append(span)
        return {key: Stored(Trace(key, tuple(spans)), f"/{key}") for key, spans in found.items()}

    def command(self, trace_id: str) -> str | None:
        return f"see {trace_id}"


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def _span(of: Request, kind: Kind) -> Span:
    own = {"client": of.span_id, "server": "ee" * 8}[kind]
    parent = {"client": "00" * 7 + "01", "server": of.span_id}[kind]
    return Span(of.trace_id, own, parent, of.operation, kind, of.sent_ns, of.ended_ns, Process("x"))


ONE, TWO = request(), request(trace_id="12" * 16, span_id="34" * 8)


def test_it_waits_until_each_is_whole_and_no_longer() -> None:
    source, clock = _Source((1, _span(ONE, "client")), (1, _span(ONE, "server")), (2, _span(TWO, "client"))), _Clock()
    source.spans += ((3, _span(TWO, "server")),)
    found = look_up([ONE, TWO], source, clock=clock, sleep=clock.sleep)
    assert source.asked == [2, 1, 1], "what is whole is not asked for again"
    assert clock.now < 5
    for one in (ONE, TWO):
        link = found.link(one)
        assert (link.found, link.url_or_file, link.missing) == (True, f"/{one.trace_id}", None)
        assert link.command == f"see {one.trace_id}"
        assert len(found.spans(one)) == 2


def test_what_does_not_come_is_given_up_and_says_what_is_missing() -> None:
    late = replace(TWO, error="timeout")
    clock = _Clock()
    source = _Source((1, _span(ONE, "client")), (1, _span(late, "client")))
    found = look_up([ONE, late, request(trace_id="99" * 16)], source, wait_s=10, clock=clock, sleep=clock.sleep)
    assert 8 <= clock.now <= 10
    assert "groundhog doctor" in (found.link(ONE).missing or "")
    assert "had not ended the request" in (found.link(late).missing or "")
    gone = found.link(request(trace_id="99" * 16))
    assert (gone.found, gone.url_or_file, gone.missing) == (False, None, "the source does not have it")
    assert found.spans(request(trace_id="99" * 16)) == ()


def test_a_source_that_fails_is_told_of_and_what_was_found_before_stays() -> None:
    source, clock = _Source((1, _span(ONE, "client")), (1, _span(ONE, "server")), fails_at=2), _Clock()
    found = look_up([ONE, TWO], source, clock=clock, sleep=clock.sleep)
    assert found.link(ONE).found
    assert found.link(TWO).missing == "the source is gone"


def test_the_slowest_of_a_result_are_linked_in_their_order() -> None:
    result = LoadResult(
        run_id="r", server=None, target="t", model="open", config={}, started_at_ns=0, duration_s=1.0, operations=(),
        windows=(), self_checks=(), slowest=(TWO, ONE), sample=(request(trace_id="99" * 16),),
    )  # fmt: skip
    spans = [(1, _span(one, kind)) for one in (ONE, TWO) for kind in ("client", "server")]
    links = find(result, _Source(*spans))
    assert [link.request for link in links] == [TWO, ONE]
    assert all(link.found for link in links)
