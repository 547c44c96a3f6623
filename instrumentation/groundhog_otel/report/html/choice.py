"""Which traces go into the page, where there are more than it should carry."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from groundhog_otel.analysis.operations import error_of, method_of
from groundhog_otel.budgets import budget_for
from groundhog_otel.store.model import Trace

__all__ = ("MOST_SPANS", "chosen")

MOST_SPANS: Final = 100_000
"""How many spans a page carries, unless told otherwise: some 4 MB of it."""


def chosen(traces: Sequence[Trace], *, most_spans: int, wanted: Collection[str] = ()) -> list[Trace]:
    """Return traces of at most ``most_spans`` spans together, in their order.

    First those that are ``wanted``, by their ids; then those with an error, those with an operation over its budget,
    and the others by the length of their longest span. The first of all is taken whatever its size.
    """
    if sum(len(one.spans) for one in traces) <= most_spans:
        return list(traces)
    order = sorted(range(len(traces)), key=lambda number: _rank(traces[number], wanted), reverse=True)
    kept: set[int] = set()
    room = most_spans
    for number in order:
        size = len(traces[number].spans)
        if size <= room or not kept:
            kept.add(number)
            room -= size
    return [traces[number] for number in sorted(kept)]


def _rank(trace: Trace, wanted: Collection[str]) -> tuple[bool, bool, bool, float]:
    return (
        trace.trace_id in wanted,
        any(error_of(span) is not None for span in trace.spans),
        any(
            span.duration_s > budget_for(method).limit_s
            for span in trace.spans
            if (method := method_of(span)) is not None
        ),
        max(span.duration_s for span in trace.spans),
    )
