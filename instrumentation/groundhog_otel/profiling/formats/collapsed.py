"""Collapsed stacks, of Brendan Gregg's FlameGraph: a line for each stack, its frames from outermost to innermost.

https://github.com/brendangregg/FlameGraph#2-fold-stacks
"""

from __future__ import annotations

from collections import Counter

from groundhog_otel.profiling.formats.naming import frame_name, rooted, value_index
from groundhog_otel.profiling.model import Profile

__all__ = ("dumps",)


def dumps(profile: Profile, *, value: str | None = None) -> str:
    """Return stacks with the operation as their first frame, in the unit of the value; those of nothing are left out.

    Raises:
        ProfileError: the profile has no such value.
    """
    index = value_index(profile, value)
    total: Counter[str] = Counter()
    for one in profile.samples:
        total[";".join(map(_safe, (*rooted(one), *map(frame_name, one.stack))))] += one.values[index]
    return "".join(f"{stack} {amount}\n" for stack, amount in sorted(total.items()) if amount > 0)


def _safe(name: str) -> str:
    """Return a name without what parts frames, and lines."""
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return printable.replace(";", ",").strip() or "?"
