"""Traces for tests: as lists of numbers, as hypothesis makes them, and as Jaeger reads them."""

from __future__ import annotations

from hypothesis import strategies as st

from groundhog_otel.store.model import Span, Trace
from tests.support.recorded import CLIENT, SERVER

US = 1000
Numbers = tuple[int, int | None, int, int]
"""Of a span: its number, its parent's, start and end in microseconds."""


def trace_of(*numbers: Numbers) -> Trace:
    """Return a trace; the span with number 3 is named ``3``."""
    return Trace(
        f"{1:032x}",
        tuple(
            Span(
                trace_id=f"{1:032x}",
                span_id=f"{own:016x}",
                parent_id=None if parent is None else f"{parent:016x}",
                name=str(own),
                kind="internal",
                start_ns=start * US,
                end_ns=end * US,
                process=SERVER if own % 2 else CLIENT,
            )
            for own, parent, start, end in numbers
        ),
    )


@st.composite
def any_trace(draw: st.DrawFn) -> Trace:
    """Make any trace: with orphans, cycles, spans that are there twice, clocks that differ and run backwards."""
    time = st.integers(0, 60)
    parent = st.one_of(st.none(), st.integers(1, 12))
    return trace_of(*draw(st.lists(st.tuples(st.integers(1, 10), parent, time, time), min_size=1, max_size=12)))


@st.composite
def sound_trace(draw: st.DrawFn) -> Trace:
    """Make a trace of one root (number 1) in which every other span has an earlier parent; clocks may differ."""
    time = st.integers(0, 60)
    numbers: list[Numbers] = [(1, None, 0, draw(st.integers(1, 60)))]
    for own in range(2, draw(st.integers(1, 12)) + 1):
        start = draw(time)
        numbers.append((own, draw(st.integers(1, own - 1)), start, start + draw(st.integers(0, 40))))
    return trace_of(*numbers)


@st.composite
def for_jaeger(draw: st.DrawFn) -> Trace:
    """Make a trace of which Jaeger always says the same, in whole microseconds.

    Where a span is cut that has children, Jaeger cuts these to the time before or after the cut, as its map's order has
    it. And of siblings of which one ends just when the next begins, it takes the time of the first for the parent's.
    """
    count = draw(st.integers(1, 24))
    times: list[int] = draw(st.lists(st.integers(1, 500), min_size=2 * count, max_size=2 * count, unique=True))
    first, last = times.index(min(times)), times.index(max(times))
    if draw(st.booleans()):  # nothing sticks out of the root
        times = [times[first], times[last], *(time for place, time in enumerate(times) if place not in (first, last))]
    root_start, root_end = sorted(times[:2])
    numbers: list[Numbers] = [(1, None, root_start, root_end)]
    inside = {1: (root_start, root_end)}
    for own in range(2, count + 1):
        start, end = sorted(times[2 * own - 2 : 2 * own])
        around = [one for one, (least, most) in inside.items() if least <= start and end <= most]
        far = draw(st.integers(0, 3)) == 0 or not around
        parent = draw(st.sampled_from(sorted(inside) if far else around))
        least, most = inside[parent]
        numbers.append((own, parent, start, end))
        if least <= start and end <= most:
            inside[own] = (start, end)
    return trace_of(*draw(st.permutations(numbers)))
