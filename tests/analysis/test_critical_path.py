from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.analysis.critical_path import CriticalPath, critical_path
from groundhog_otel.store.model import Trace
from tests.analysis.trees import US, Numbers, any_trace, sound_trace, trace_of

Sections = list[tuple[int, int, int]]


def _sections(path: CriticalPath | None) -> Sections:
    assert path is not None
    return [(int(one.span.name), one.start_ns // US, one.end_ns // US) for one in path.sections]


@pytest.mark.parametrize(
    ("spans", "sections"),
    [
        pytest.param(
            [(1, None, 1, 101), (2, 1, 20, 40), (3, 1, 50, 60)],
            [(1, 1, 20), (2, 20, 40), (1, 40, 50), (3, 50, 60), (1, 60, 101)],
            id="one after the other",
        ),
        pytest.param(
            [(1, None, 1, 101)],
            [(1, 1, 101)],
            id="alone",
        ),
        pytest.param(
            [(1, None, 1, 1)],
            [],
            id="an instant",
        ),
        pytest.param(
            [(1, None, 100, 200), (2, 1, 120, 170)],
            [(1, 100, 120), (2, 120, 170), (1, 170, 200)],
            id="one",
        ),
        pytest.param(
            [(1, None, 0, 100), (2, 1, 10, 90), (3, 1, 20, 60)],
            [(1, 0, 10), (2, 10, 90), (1, 90, 100)],
            id="beside",
        ),
        pytest.param(
            [(1, None, 0, 100), (2, 1, -10, 30), (3, 1, 90, 120)],
            [(2, 0, 30), (1, 30, 90), (3, 90, 100)],
            id="cut",
        ),
        pytest.param(
            [(1, None, 0, 100), (2, 1, -20, 0), (3, 1, 100, 120), (4, 3, 50, 60)],
            [(1, 0, 100)],
            id="outside",
        ),
        pytest.param(
            [(1, None, 0, 30), (2, 1, 0, 10), (3, 1, 10, 20), (4, 1, 20, 30)],
            [(2, 0, 10), (3, 10, 20), (4, 20, 30)],
            id="touching",
        ),
        pytest.param(
            [(2, 9, 0, 10), (3, 9, 0, 30), (4, 3, 5, 15)],
            [(3, 0, 5), (4, 5, 15), (3, 15, 30)],
            id="no root recorded",
        ),
        pytest.param(
            [(1, None, 0, 9), (2, 7, 0, 90)],
            [(1, 0, 9)],
            id="a root before an orphan",
        ),
        pytest.param(
            [(1, 2, 0, 10), (2, 1, 2, 6)],
            [(1, 0, 2), (2, 2, 6), (1, 6, 10)],
            id="each other's parent",
        ),
        pytest.param(
            [(1, 1, 0, 10)],
            [(1, 0, 10)],
            id="its own parent",
        ),
        pytest.param(
            [(1, None, 0, 10), (1, None, 0, 10), (2, 1, 2, 4), (2, 1, 2, 4)],
            [(1, 0, 2), (2, 2, 4), (1, 4, 10)],
            id="twice",
        ),
    ],
)
def test_what_was_waited_for(spans: list[Numbers], sections: Sections) -> None:
    assert _sections(critical_path(trace_of(*spans))) == sections


def test_neighbours_in_a_list_are_not_parent_and_child() -> None:
    """A grandchild that stands right after a span's sibling belongs to whom it names, wherever it stands."""
    spans: list[Numbers] = [(1, None, 0, 100), (3, 1, 50, 90), (4, 2, 15, 25), (2, 1, 10, 40), (5, 3, 60, 70)]
    wanted = [(1, 0, 10), (2, 10, 15), (4, 15, 25), (2, 25, 40), (1, 40, 50),
              (3, 50, 60), (5, 60, 70), (3, 70, 90), (1, 90, 100)]  # fmt: skip
    assert _sections(critical_path(trace_of(*spans))) == wanted
    assert _sections(critical_path(trace_of(*reversed(spans)))) == wanted


def test_the_time_of_any_span_can_be_explained() -> None:
    trace = trace_of((1, None, 0, 100), (2, 1, 10, 40), (3, 2, 20, 30))
    assert _sections(critical_path(trace, trace.spans[1])) == [(2, 10, 20), (3, 20, 30), (2, 30, 40)]


def test_without_a_span_there_is_no_path() -> None:
    assert critical_path(Trace("t", ())) is None


@settings(deadline=None)
@given(any_trace())
def test_the_path_covers_the_time_of_its_root_once_and_nothing_else(trace: Trace) -> None:
    path = critical_path(trace)
    assert path is not None
    lasting = max(path.root.end_ns - path.root.start_ns, 0)
    assert sum(one.end_ns - one.start_ns for one in path.sections) == sum(path.own_ns().values()) == lasting
    assert all(one.start_ns < one.end_ns for one in path.sections)
    assert all(one.end_ns == other.start_ns for one, other in pairwise(path.sections))
    if path.sections:
        assert (path.sections[0].start_ns, path.sections[-1].end_ns) == (path.root.start_ns, path.root.end_ns)
    for one in path.sections:
        assert one.span.start_ns <= one.start_ns
        assert one.end_ns <= one.span.end_ns


@settings(deadline=None)
@given(any_trace(), st.randoms())
def test_what_is_on_the_path_is_the_same_in_whatever_order_spans_arrive(trace: Trace, random: object) -> None:
    """But for spans of one id and for ties, of which the first in the trace is taken: so there are none."""
    spans = {span.span_id: span for span in trace.spans}.values()
    if len({time for span in spans for time in (span.start_ns, span.end_ns)}) < 2 * len(spans):
        return
    if len({span.end_ns - span.start_ns for span in spans}) < len(spans):
        return
    shuffled = list(spans)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert critical_path(Trace("t", tuple(shuffled))) == critical_path(Trace("t", tuple(spans)))


@settings(deadline=None)
@given(sound_trace())
def test_a_span_on_the_path_is_on_it_with_all_of_its_time(trace: Trace) -> None:
    path = critical_path(trace)
    assert path is not None
    own_ns, parents = path.own_ns(), {span.span_id: span.parent_id for span in trace.spans}
    below = dict.fromkeys(path.on_path_ns, 0)
    for span_id, ns in own_ns.items():
        at: str | None = span_id
        while at is not None:
            below[at] += ns
            at = parents[at]
    assert below == dict(path.on_path_ns)


def test_a_chain_that_is_deeper_than_python_recurses() -> None:
    deep = trace_of(*((own, own - 1 or None, own, 30_000 - own) for own in range(1, 10_000)))
    assert len(_sections(critical_path(deep))) == 2 * 9_999 - 1
