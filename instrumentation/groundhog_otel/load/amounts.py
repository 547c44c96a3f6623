"""Times and rates as people write them: ``30s``, ``5min``, ``200/s``."""

from __future__ import annotations

import re
from typing import Final

from groundhog_otel.load.errors import LoadError

__all__ = ("rate_of", "seconds_of")

_NUMBER: Final = r"(\d+\.?\d*|\.\d+)"
_TIME: Final = re.compile(rf"{_NUMBER}\s*(ms|s|min|h|)")
_RATE: Final = re.compile(rf"{_NUMBER}\s*(/s|/min|/h|)")
_SECONDS: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


def seconds_of(words: str) -> float:
    """Return the seconds of ``30``, ``30s``, ``500ms``, ``5min`` or ``2h``.

    Raises:
        LoadError: it is something else.
    """
    found = _TIME.fullmatch(words.strip())
    if found is None:
        raise LoadError(f"{words!r} is no time: write it like 30s, 500ms, 5min or 2h")
    return float(found[1]) * _SECONDS[found[2]]


def rate_of(words: str) -> float:
    """Return the rate per second of ``200``, ``200/s``, ``90/min`` or ``10/h``.

    Raises:
        LoadError: it is something else.
    """
    found = _RATE.fullmatch(words.strip())
    if found is None:
        raise LoadError(f"{words!r} is no rate: write it like 200/s or 90/min")
    return float(found[1]) / _SECONDS[found[2].removeprefix("/")]
