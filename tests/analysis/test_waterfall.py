from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.analysis.waterfall import slowest, waterfall
from groundhog_otel.store.model import Span, Trace
from tests.support.recorded import SERVER, recording, span


def _rows(*spans: Span) -> list[tuple[str, int, float, bool]]:
    laid_out = waterfall(Trace("t", spans), spans[0])
    return [(row.span.name, row.depth, round(row.offset_s * 1000, 3), row.orphan) for row in laid_out.rows]


def test_spans_of_several_processes_become_one_tree_by_start() -> None:
    assert _rows(
        span("late", own=4, parent=2, at_ms=30, method=None),
        span("server", own=2, parent=1, at_ms=5, kind="server", process=SERVER),
        span("client", own=1, ms=100),
        span("early", own=3, parent=2, at_ms=10, method=None),
    ) == [("client", 0, 0, False), ("server", 1, 5, False), ("early", 2, 10, False), ("late", 2, 30, False)]


def test_a_span_without_its_parent_is_a_root_and_marked() -> None:
    assert _rows(span("b", own=2, parent=9, at_ms=7), span("a", own=1)) == [("a", 0, 0, False), ("b", 0, 7, True)]


def test_spans_that_are_each_others_parent_are_laid_out_once() -> None:
    assert [name for name, *_ in _rows(span("a", own=1, parent=2), span("b", own=2, parent=1, at_ms=1))] == ["a", "b"]


def test_a_span_that_was_exported_twice_is_one() -> None:
    assert len(_rows(span(own=1), span(own=1))) == 1


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(0, 50)), min_size=1))
def test_whatever_the_parents_every_span_is_there_once(made: list[tuple[int, int, int]]) -> None:
    spans = [span(own=own, parent=parent, at_ms=at_ms) for own, parent, at_ms in made]
    rows = waterfall(Trace("t", tuple(spans)), spans[0]).rows
    assert sorted(row.span.span_id for row in rows) == sorted({one.span_id for one in spans})
    assert all(row.offset_s >= 0 for row in rows)


def test_the_slowest_command_is_chosen_before_a_slower_handshake() -> None:
    found = slowest(
        recording(
            [
                span("initialize", ms=900, trace=1),
                span("tools/call nap", ms=80, trace=2),
                span("tools/call quick", ms=5, trace=3),
                span("GET /", ms=5000, trace=4, method=None),
            ]
        ).traces()
    )
    assert found is not None
    assert (found.slowest.name, found.duration_s) == ("tools/call nap", 0.08)


def test_without_a_command_any_operation_will_do_and_without_one_there_is_none() -> None:
    found = slowest(recording([span("initialize", ms=900)]).traces())
    assert found is not None
    assert found.slowest.name == "initialize"
    assert slowest(recording([span("GET /", method=None)]).traces()) is None


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    one = span(ms=-5)
    assert one.duration_s == 0
    assert waterfall(Trace("t", (one,)), one).duration_s == 0
