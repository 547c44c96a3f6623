"""Requests from their spans: who belongs to whom, and what is told by whichever side was recorded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from groundhog_otel import semconv
from groundhog_otel.analysis.calls import calls, number
from groundhog_otel.analysis.rates import Rates
from tests.support.recorded import MS, START, span


def test_the_two_spans_of_a_request_are_one_call() -> None:
    sent = span(ms=12, at_ms=0)
    received = span(ms=10, at_ms=1, kind="server", own=2, parent=1)
    for spans in ([sent, received], [received, sent]):
        (one,) = calls(spans)
        assert (one.client, one.server, one.span) == (sent, received, received)
        assert (one.method, one.name, one.waited_s) == ("tools/call", "tools/call nap", 0.012)
        assert one.start_ns == START


def test_either_is_enough() -> None:
    sent, received = span(trace=1), span(trace=2, at_ms=50, kind="server", parent=9)
    first, second = calls([received, sent])
    assert (first.client, first.server, first.span) == (sent, None, sent)
    assert (second.client, second.server, second.span) == (None, received, received)


def test_spans_of_http_lie_between() -> None:
    spans = [
        span(own=1),
        span("POST", own=2, parent=1, method=None),
        span("POST /mcp", kind="server", own=3, parent=2, method=None),
        span(kind="server", own=4, parent=3),
    ]
    (one,) = calls(spans)
    assert (one.client, one.server) == (spans[0], spans[3])


def test_a_tool_that_calls_another_server_is_not_that_servers_client() -> None:
    spans = [
        span("tools/call outer", kind="server", own=1),
        span("tools/call inner", own=2, parent=1, at_ms=1),
        span("tools/call inner", kind="server", own=3, parent=2, at_ms=2),
        span("resources/read", kind="server", own=4, parent=2, at_ms=3),
    ]
    assert [(one.client, one.server) for one in calls(spans)] == [
        (None, spans[0]),
        (spans[1], spans[2]),
        (None, spans[3]),
    ]


def test_only_the_first_of_two_answers_is_the_requests() -> None:
    sent = span()
    received = [span(kind="server", own=own, parent=1, at_ms=own) for own in (2, 3)]
    assert [one.client for one in calls([sent, *received])] == [sent, None]


def test_a_span_that_was_written_twice_is_one() -> None:
    spans = [span(), span(kind="server", own=2, parent=1)]
    assert calls([*spans, *map(replace, spans)]) == calls(spans)


def test_notifications_and_loops_are_no_requests() -> None:
    assert calls([span("notifications/progress"), span("work", method=None)]) == ()
    around = [span(own=own, parent=3 - own, method=None) for own in (1, 2)]
    (one,) = calls([*around, span(kind="server", own=3, parent=2)])
    assert one.client is None


def test_a_clock_that_is_wrong_does_not_make_anybody_wait_longer() -> None:
    received = span(kind="server", own=2, parent=1, at_ms=1000, ms=10)
    for at_ms, waits_from_ms in ((-100_000, 998), (100_000, 1000), (999, 999)):
        (one,) = calls([span(ms=12, at_ms=at_ms), received])
        assert one.start_ns == START + waits_from_ms * MS


def test_what_one_side_does_not_tell_the_other_may() -> None:
    sent = replace(span(), attributes={**span().attributes, semconv.REQUEST_SIZE: 7, semconv.REQUEST_DIGEST: "d"})
    (one,) = calls([sent, span(kind="server", own=2, parent=1)])
    assert one.number(semconv.REQUEST_SIZE) == 7
    assert one.number(semconv.RESPONSE_SIZE) is None
    assert one.digest == (sent.process, "d")


@pytest.mark.parametrize("value", ["7", -1, True, float("nan"), float("inf"), 10**400, None, (1, 2)])
def test_what_is_no_size_and_no_time_is_not_told(value: object) -> None:
    assert number(replace(span(), attributes={"n": value}), "n") is None  # type: ignore[dict-item]


def test_rates_are_spread_over_their_intervals() -> None:
    rates = Rates([(0, 10, 1.0), (5, 15, 2.0), (20, 20, 9.0), (30, 20, 9.0)])
    whole = [(0, 15, 3.0), (-5, 100, 3.0), (0, 5, 0.5), (5, 10, 1.5), (10, 15, 1.0), (16, 99, 0.0), (9, 3, 0.0)]
    for start, end, amount in whole:
        assert rates.between(start, end) == pytest.approx(amount)
    assert Rates([]).between(0, 10) == 0
