from __future__ import annotations

import pytest
from hypothesis import given, settings

from groundhog_otel.analysis.critical_path import critical_path
from groundhog_otel.analysis.drag import drags
from groundhog_otel.analysis.nesting import Nested, nested
from groundhog_otel.store.model import Trace
from tests.analysis.trees import US, Numbers, sound_trace, trace_of


@pytest.mark.parametrize(
    ("spans", "wanted"),
    [
        pytest.param(
            [(1, None, 0, 100)],
            {1: 100},
            id="alone",
        ),
        pytest.param(
            [(1, None, 0, 100), (2, 1, 10, 40), (3, 1, 50, 90)],
            {1: 100, 2: 30, 3: 40},
            id="one after the other",
        ),
        pytest.param(
            [(1, None, 0, 100), (2, 1, 10, 90), (3, 1, 10, 80)],
            {1: 100, 2: 10},
            id="until the sibling is the last",
        ),
        pytest.param(
            [(1, None, 0, 100), (2, 1, 10, 90), (3, 1, 20, 90)],
            {1: 100, 2: 0},
            id="two that end together",
        ),
        pytest.param(
            [(1, None, 0, 90), (2, 1, 10, 40), (3, 1, 50, 80), (4, 1, 5, 75)],
            {1: 90, 2: 5, 3: 5},
            id="one beside two",
        ),
        pytest.param(
            [(1, None, 0, 100), (2, 1, 0, 90), (3, 2, 20, 80), (4, 1, 0, 60)],
            {1: 100, 2: 30, 3: 30},
            id="by its ancestor",
        ),
        pytest.param(
            [(1, None, 0, 100), (2, 1, 0, 90), (3, 2, 20, 30), (4, 1, 0, 60)],
            {1: 100, 2: 30, 3: 10},
            id="by itself",
        ),
    ],
)
def test_how_much_a_span_can_give(spans: list[Numbers], wanted: dict[int, int]) -> None:
    assert drags(trace_of(*spans)) == {f"{own:016x}": us * US for own, us in wanted.items()}


def test_the_next_one_in_the_list_is_not_below_it() -> None:
    """Span 4, beside span 2, is the child of span 3 and not of span 2, which it stands next to."""
    spans: list[Numbers] = [(1, None, 0, 100), (3, 1, 0, 20), (2, 1, 20, 100), (4, 3, 5, 15)]
    assert drags(trace_of(*spans)) == {f"{own:016x}": us * US for own, us in {1: 100, 2: 80, 3: 20, 4: 10}.items()}


def test_without_a_span_there_is_none() -> None:
    assert drags(Trace("t", ())) == {}


@settings(max_examples=300, deadline=None)
@given(sound_trace())
def test_it_is_what_the_plan_gives_when_the_span_takes_no_time(trace: Trace) -> None:
    tree = nested(trace)
    path = critical_path(trace)
    assert tree is not None
    assert path is not None
    found = drags(trace)
    assert found.keys() == path.on_path_ns.keys()
    for span_id, drag_ns in found.items():
        assert drag_ns == tree.lasting_ns - _planned(tree, instant=span_id)


def _planned(one: Nested, *, instant: str) -> int:
    """Return how long a span takes when another takes no time, each child as far from what it waited for."""
    if one.span.span_id == instant:
        return 0
    new_ends: dict[str, int] = {}

    def wait(until_ns: int, instead: bool) -> int:
        before = [child for child in one.children if child.end_ns <= until_ns]
        ends = [new_ends[child.span.span_id] if instead else child.end_ns for child in before]
        return max(ends, default=one.start_ns)

    for child in sorted(one.children, key=lambda child: child.start_ns):
        begins = wait(child.start_ns, True) + child.start_ns - wait(child.start_ns, False)
        new_ends[child.span.span_id] = begins + _planned(child, instant=instant)
    return wait(one.end_ns, True) + one.end_ns - wait(one.end_ns, False) - one.start_ns
