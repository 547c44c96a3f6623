"""Drag: by how much a trace would be shorter, were one of its spans done at once.

A span on the critical path is not worth its length: as it shrinks, a sibling that ran beside it becomes what is waited
for. What happens then is reckoned as in network planning: a span is taken to wait for all siblings that had ended when
it began, and keeps its distance to the last of them. Siblings are the children of one parent, whatever the order in
which a list has them.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right

from groundhog_otel.analysis.critical_path import path_of
from groundhog_otel.analysis.nesting import Nested, nested
from groundhog_otel.store.model import Span, Trace

__all__ = ("drags",)


def drags(trace: Trace, root: Span | None = None) -> dict[str, int]:
    """Return the drag of each span on the critical path, by its id, in nanoseconds; that of the root is its length.

    A span that is not in it is not waited for: making it faster gains nothing.
    """
    tree = nested(trace, root)
    if tree is None:
        return {}
    on_path = path_of(tree).on_path_ns
    found, pending = {tree.span.span_id: tree.lasting_ns}, [tree]
    while pending:
        parent = pending.pop()
        waited = [child for child in parent.children if child.span.span_id in on_path]
        for child, drag_ns in zip(waited, _among_siblings(parent, waited), strict=True):
            # What shortens a child shortens its ancestors until, for one of them, another sibling is waited for.
            found[child.span.span_id] = min(drag_ns, found[parent.span.span_id])
            pending.append(child)
    return found


def _among_siblings(parent: Nested, waited: list[Nested]) -> list[int]:
    """Return by how much each of ``waited`` can shorten its parent."""
    siblings = sorted(parent.children, key=lambda one: one.start_ns)
    starts = [one.start_ns for one in siblings]
    ends = sorted(one.end_ns for one in siblings)

    def last_end(at_ns: int) -> int:
        place = bisect_right(ends, at_ns)
        return ends[place - 1] if place else parent.start_ns

    # From each place in the order of starts on: the longest chain up to the parent's end, with its pauses.
    chains = [0] * len(siblings) + [parent.end_ns - last_end(parent.end_ns)]
    after = [0] * len(siblings)
    for place in range(len(siblings) - 1, -1, -1):
        one = siblings[place]
        after[place] = chains[bisect_left(starts, one.end_ns)]
        chains[place] = max(chains[place + 1], one.end_ns - last_end(one.start_ns) + after[place])

    found: dict[int, int] = {}
    beside: list[tuple[int, int]] = []  # of those that began before an end: minus end and chain after it, and the end
    begun = 0
    for one in sorted(waited, key=lambda one: one.end_ns):
        while begun < len(siblings) and starts[begun] < one.end_ns:
            heapq.heappush(beside, (-(siblings[begun].end_ns + after[begun]), siblings[begun].end_ns))
            begun += 1
        while beside and beside[0][1] <= one.end_ns:
            heapq.heappop(beside)
        place = bisect_right(ends, one.end_ns)
        without = (ends[place - 2] if place > 1 else parent.start_ns) + chains[bisect_left(starts, one.end_ns)]
        if beside:
            without = max(without, -beside[0][0])
        found[id(one)] = max(min(one.lasting_ns, parent.end_ns - without), 0)
    return [found[id(one)] for one in waited]
