"""Who holds what a growing line has allocated."""

from __future__ import annotations

import tracemalloc
from collections.abc import Collection, Sequence
from typing import Final

from groundhog_otel.profiling.memory.heap.objects import every_object, name_of_type, untracked_holders
from groundhog_otel.profiling.memory.heap.referrers import Chain, chain_to

__all__ = ("holders_of",)

_MOST_CHAINS: Final = 5
"""Each takes some looks at the whole heap, while the process stands still."""


def holders_of(lines: Sequence[tuple[str, int]], types: Collection[str]) -> dict[tuple[str, int], Chain]:
    """Return a chain of references to one object for each of the first lines: one of a type that grows, too.

    Lines of which no such object is alive are left out: what they allocate is no object of its own.
    """
    wanted = dict.fromkeys(lines[:_MOST_CHAINS])
    objects = every_object()
    untracked = untracked_holders(objects)
    # Types that grow fast come first: a line may make objects of several.
    ranks = {name: rank for rank, name in enumerate(types)}
    kinds: dict[type, int | None] = {}
    found: dict[tuple[str, int], tuple[int, object]] = {}
    for one in objects:
        kind = type(one)
        if kind not in kinds:
            kinds[kind] = ranks.get(name_of_type(kind))
        rank = kinds[kind]
        trace = None if rank is None else tracemalloc.get_object_traceback(one)
        if rank is None or not trace:
            continue
        line = trace[-1].filename, trace[-1].lineno
        # The latest of them: the earliest may belong to the warm-up.
        if line in wanted and (line not in found or rank <= found[line][0]):
            found[line] = rank, one
    own = (objects, untracked, found, *found.values())
    chains = {line: chain_to(one, untracked=untracked, ignore=own) for line, (_, one) in found.items()}
    return {line: chain for line, chain in chains.items() if chain.steps}
