"""How long was waited for spans, in some of the traces of a recording."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from groundhog_otel.analysis.critical_path import path_of
from groundhog_otel.analysis.nesting import forest
from groundhog_otel.store.model import Span, Trace

__all__ = ("Waited", "waited_for")


class Waited:
    """For each span of some traces: the time of the critical path in it, and in what is below it."""

    def __init__(self, traces: Iterable[Trace]) -> None:
        self._ns: dict[tuple[str, str], int] = {}
        for trace in traces:
            for tree in forest(trace):
                for span_id, ns in path_of(tree).on_path_ns.items():
                    self._ns[trace.trace_id, span_id] = ns

    def ns(self, span: Span) -> int:
        """Return the nanoseconds that were waited for a span; 0 when something else was waited for meanwhile."""
        return self._ns.get((span.trace_id, span.span_id), 0)


def waited_for(spans: Iterable[Span], trace_ids: Collection[str]) -> Waited:
    """Look at those traces only, each from the outermost spans on that are recorded of it."""
    wanted: dict[str, list[Span]] = {trace_id: [] for trace_id in trace_ids}
    for span in spans if wanted else ():
        found = wanted.get(span.trace_id)
        if found is not None:
            found.append(span)
    return Waited(Trace(trace_id, tuple(found)) for trace_id, found in wanted.items())
