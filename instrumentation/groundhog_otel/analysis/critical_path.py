"""The critical path of a trace: what its time was spent waiting for.

Read from the end: what was the last to finish before a span could go on is what the span waited for. The span's own
time is what remains. The definition is Jaeger's (its page of a trace, its MCP tool ``get_critical_path``), but for
siblings of which one begins at the very instant at which another ends: here the earlier one is on the path, there its
time is the parent's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from groundhog_otel.analysis.nesting import Nested, nested
from groundhog_otel.store.model import Span, Trace

__all__ = ("CriticalPath", "Section", "critical_path", "path_of")


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of time that was one span's own: nothing below it was waited for."""

    span: Span
    start_ns: int
    """Nanoseconds since 1970, as is the end."""
    end_ns: int


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """Where the time of a root went."""

    root: Span
    sections: tuple[Section, ...]
    """By time, one beginning where another ends, from the root's start to its end."""
    on_path_ns: Mapping[str, int]
    """By the id of each span that was waited for: nanoseconds of the path in it and in what is below it."""

    def own_ns(self) -> dict[str, int]:
        """Return the nanoseconds of the path that are each span's own, by its id."""
        found: dict[str, int] = {}
        for one in self.sections:
            found[one.span.span_id] = found.get(one.span.span_id, 0) + one.end_ns - one.start_ns
        return found


def critical_path(trace: Trace, root: Span | None = None) -> CriticalPath | None:
    """Return the critical path of a trace; None when it has no span.

    ``root`` is the span whose time is explained; without it, the trace's root, as
    :func:`~groundhog_otel.analysis.nesting.nested` finds it.
    """
    tree = nested(trace, root)
    return None if tree is None else path_of(tree)


def path_of(tree: Nested) -> CriticalPath:
    """Return the critical path of a tree."""
    found: list[Section] = []
    on_path_ns = {tree.span.span_id: tree.lasting_ns}
    # Each span that is being looked at: from which instant back, and its children that may be next, the last one next.
    at_ns, stack = [tree.end_ns], [(tree, _by_end(tree))]
    while stack:
        one, rest = stack[-1]
        while rest and rest[-1].end_ns > at_ns[-1]:  # something else was waited for meanwhile
            rest.pop()
        since_ns = rest[-1].end_ns if rest else one.start_ns
        if since_ns < at_ns[-1]:
            found.append(Section(one.span, since_ns, at_ns[-1]))
        if rest:
            child = rest.pop()
            at_ns[-1] = child.start_ns
            on_path_ns[child.span.span_id] = child.lasting_ns
            stack.append((child, _by_end(child)))
            at_ns.append(child.end_ns)
        else:
            stack.pop()
            at_ns.pop()
    return CriticalPath(tree.span, tuple(reversed(found)), on_path_ns)


def _by_end(one: Nested) -> list[Nested]:
    """Return the children by their end; of several that end together the first one last."""
    if len(one.children) < 2:
        return one.children[:]
    return sorted(one.children, key=lambda child: child.end_ns, reverse=True)[::-1]
