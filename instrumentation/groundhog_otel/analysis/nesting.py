"""A trace as a tree in which no span sticks out of its parent: what the critical path and the drag are read from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from groundhog_otel.store.model import Span, Trace

__all__ = ("Nested", "forest", "nested")


@dataclass(slots=True)
class Nested:
    """A span, cut to the time of its parent, with the children that are left."""

    span: Span
    start_ns: int
    """Nanoseconds since 1970, as is the end."""
    end_ns: int
    children: list[Nested] = field(default_factory=list)
    """In the trace's order; each has lasted for a while within this span."""

    @property
    def lasting_ns(self) -> int:
        """Nanoseconds."""
        return self.end_ns - self.start_ns


def nested(trace: Trace, root: Span | None = None) -> Nested | None:
    """Return a trace's tree; None when it has no span.

    A child that begins before its parent or ends after it, as clocks that differ make it, is cut to the parent's time;
    one that lies wholly outside is left out, and so is what is below it. ``root`` is the span to begin at; without it
    the span without a parent, or where there is none, one whose parent is not recorded: the longest of several. What
    the root does not lead to is left out.
    """
    by_id = _by_id(trace)
    if root is None:
        if not by_id:
            return None
        root = _root(by_id)
    return _tree(root, _children(by_id))


def forest(trace: Trace) -> list[Nested]:
    """Return a tree for every span that has no parent, or whose parent is not recorded."""
    by_id = _by_id(trace)
    children = _children(by_id)
    return [_tree(span, children) for span in by_id.values() if span.parent_id is None or span.parent_id not in by_id]


def _by_id(trace: Trace) -> dict[str, Span]:
    found: dict[str, Span] = {}
    for span in trace.spans:
        found.setdefault(span.span_id, span)
    return found


def _children(by_id: dict[str, Span]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for span in by_id.values():
        if span.parent_id is not None:
            found.setdefault(span.parent_id, []).append(span)
    return found


def _tree(root: Span, children: dict[str, list[Span]]) -> Nested:
    top = Nested(root, root.start_ns, max(root.start_ns, root.end_ns))
    placed, pending = {root.span_id}, [top]
    while pending:
        parent = pending.pop()
        for span in children.get(parent.span.span_id, ()):
            start_ns, end_ns = max(span.start_ns, parent.start_ns), min(span.end_ns, parent.end_ns)
            if start_ns < end_ns and span.span_id not in placed:  # it may be its own ancestor, in damaged data
                placed.add(span.span_id)
                parent.children.append(Nested(span, start_ns, end_ns))
        pending.extend(parent.children)
    return top


def _root(by_id: dict[str, Span]) -> Span:
    def longest(spans: Iterable[Span]) -> Span | None:
        return max(spans, key=lambda span: span.end_ns - span.start_ns, default=None)

    return (
        longest(span for span in by_id.values() if span.parent_id is None)
        or longest(span for span in by_id.values() if span.parent_id not in by_id)
        or max(by_id.values(), key=lambda span: span.end_ns - span.start_ns)
    )
