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
