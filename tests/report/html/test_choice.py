from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.report.html.choice import chosen
from groundhog_otel.store.model import Trace
from tests.support.recorded import recording, span


def _traces() -> tuple[Trace, ...]:
    spans = [
        span("tools/call a", trace=1, ms=10),
        span("tools/call a", trace=2, ms=20),
        span("tools/call a", trace=3, ms=5, error="timeout"),
        span("tools/call a", trace=4, ms=60),
        span("tools/call a", trace=5, ms=1),
        span("GET", trace=6, ms=900, method=None),
    ]
    return recording(spans).traces()


def _numbers(found: list[Trace]) -> list[int]:
    return [int(one.trace_id, 16) for one in found]


def test_what_fits_is_taken_whole() -> None:
    assert chosen(_traces(), most_spans=6) == list(_traces())


def test_wanted_failed_and_slow_ones_come_first_and_keep_their_order() -> None:
    wanted = {f"{5:032x}"}
    assert _numbers(chosen(_traces(), most_spans=5, wanted=wanted)) == [2, 3, 4, 5, 6]
    assert _numbers(chosen(_traces(), most_spans=4, wanted=wanted)) == [3, 4, 5, 6]
    assert _numbers(chosen(_traces(), most_spans=3, wanted=wanted)) == [3, 4, 5]
    assert _numbers(chosen(_traces(), most_spans=2, wanted=wanted)) == [3, 5]
    assert _numbers(chosen(_traces(), most_spans=1, wanted=wanted)) == [5]


def test_the_first_one_is_taken_though_it_is_too_large() -> None:
    spans = [span(trace=1, own=own, ms=90) for own in range(1, 9)] + [span(trace=2, ms=1)]
    assert _numbers(chosen(recording(spans).traces(), most_spans=3)) == [1]


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=8))
def test_there_are_never_more_than_there_is_room_for(most: int) -> None:
    assert sum(len(one.spans) for one in chosen(_traces(), most_spans=most)) <= most
