"""One trace as a tree, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from groundhog_otel.analysis.operations import method_of
from groundhog_otel.budgets import COMMAND, budget_for
from groundhog_otel.store.model import Span, Trace

__all__ = ("Row", "Waterfall", "slowest", "waterfall")


@dataclass(frozen=True, slots=True)
class Row:
    """A span in its place."""

    span: Span
    depth: int
    """0 for a span whose parent is not recorded."""
    offset_s: float
    """Seconds from the start of the trace."""
    orphan: bool = False
    """Whether it names a parent that is not in the trace: one not recorded, or still under way at the end."""


@dataclass(frozen=True, slots=True)
class Waterfall:
    """A trace, laid out."""

    trace_id: str
    slowest: Span
    """The operation for which the trace was chosen."""
    duration_s: float
    rows: tuple[Row, ...]


def slowest(traces: Iterable[Trace]) -> Waterfall | None:
    """Return the trace with the slowest command in it (a tool call, a prompt …), which somebody waited for.

    Without a command: the one with the slowest MCP operation of any kind. None without an MCP operation.
    """
    found = [(span, trace) for trace in traces for span in trace.spans if method_of(span) is not None]
    commands = [pair for pair in found if budget_for(method_of(pair[0]) or "") is COMMAND]
    if not found:
        return None
    span, trace = max(commands or found, key=lambda pair: pair[0].duration_s)
    return waterfall(trace, span)


def waterfall(trace: Trace, span: Span) -> Waterfall:
    """Lay out ``trace``, which holds ``span``: parents before children, siblings by start."""
    by_id = {one.span_id: one for one in trace.spans}
    children: dict[str | None, list[Span]] = {}
    for one in sorted(by_id.values(), key=lambda one: (one.start_ns, -one.end_ns)):
        children.setdefault(one.parent_id if one.parent_id in by_id else None, []).append(one)
    start_ns = min(one.start_ns for one in trace.spans)
    rows: list[Row] = []
    placed: set[str] = set()
    # Damaged data may make spans each other's parent: what no root leads to is laid out from its earliest span on.
    for root in (*children.get(None, ()), *sorted(by_id.values(), key=lambda one: one.start_ns)):
        pending = [(root, 0)]
        while pending:
            one, depth = pending.pop()
            if one.span_id not in placed:
                placed.add(one.span_id)
                orphan = depth == 0 and one.parent_id is not None
                rows.append(Row(one, depth, (one.start_ns - start_ns) / 1e9, orphan))
                pending.extend((child, depth + 1) for child in reversed(children.get(one.span_id, ())))
    end_ns = max(one.end_ns for one in trace.spans)
    return Waterfall(trace.trace_id, span, max(end_ns - start_ns, 0) / 1e9, tuple(rows))
