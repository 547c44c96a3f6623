"""Paths into results: ``content[0].text``, ``structuredContent.items[-1]["order id"]``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

__all__ = ("ABSENT", "find", "parse")


class _Absent:
    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""What :func:`find` returns where a path leads nowhere; null is something."""

_PART: Final = re.compile(
    r"""\.?(?P<name>[^.\[\]"']+)|\[(?P<index>-?\d+)\]|\[(?P<quote>["'])(?P<key>.*?)(?P=quote)\]"""
)


@lru_cache(maxsize=1024)
def parse(path: str) -> tuple[str | int, ...]:
    """Return the keys and indices that ``path`` is made of; none for the empty path, which is everything.

    Raises:
        ValueError: it is no path; the message says from where on.
    """
    parts: list[str | int] = []
    at = 0
    while at < len(path):
        found = _PART.match(path, at)
        if found is None or (at == 0 and path[0] == ".") or (at > 0 and path[at] not in ".["):
            raise ValueError(f"{path!r} is no path, from {path[at:]!r} on: write one like content[0].text")
        if found["index"] is not None:
            parts.append(int(found["index"]))
        else:
            parts.append(found["name"] if found["name"] is not None else found["key"])
        at = found.end()
    return tuple(parts)


def find(value: Any, path: str) -> Any:
    """Return what ``path`` leads to in ``value``, or :data:`ABSENT`.

    Raises:
        ValueError: it is no path.
    """
    for part in parse(path):
        if isinstance(part, int):
            if not isinstance(value, Sequence) or isinstance(value, str) or not -len(value) <= part < len(value):
                return ABSENT
            value = value[part]
        elif isinstance(value, Mapping) and part in value:
            value = value[part]
        else:
            return ABSENT
    return value
