"""How much of what was recorded is kept: of the folder, and of each file that a process writes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from groundhog_otel.settings.options import Option, Problem, Source, chosen, length

__all__ = ("RetentionSettings", "age", "size")

_SIZE: Final = re.compile(r"([1-9][0-9]*)([kMG]?)")
_AGE: Final = re.compile(r"([1-9][0-9]*)([hd])")
_FACTORS: Final = {"": 1, "k": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size(given: object) -> int | None:
    """Return a number of bytes, or None for ``none``.

    Raises:
        ValueError: it is neither a whole number from 1 up, with k, M or G after it or nothing, nor ``none``.
    """
    if str(given).lower() == "none":
        return None
    found = _SIZE.fullmatch(str(given))
    if found is None:
        raise ValueError
    return int(found[1]) * _FACTORS[found[2]]


def age(given: object) -> float | None:
    """Return a number of seconds, or None for ``none``.

    Raises:
        ValueError: it is neither a whole number of hours or days (``72h``, ``30d``), nor ``none``.
    """
    if str(given).lower() == "none":
        return None
    found = _AGE.fullmatch(str(given))
    if found is None:
        raise ValueError
    return int(found[1]) * (3600.0 if found[2] == "h" else 86400.0)


def _runs(given: object) -> int | None:
    return None if str(given).lower() == "none" else length(given)


_OPTIONS: Final = {
    "dir_max_bytes": Option("GROUNDHOG_DIR_MAX_BYTES", "bytes, like 500M or 10G, or none", size),
    "dir_max_age_s": Option("GROUNDHOG_DIR_MAX_AGE", "whole hours or days, like 72h or 30d, or none", age),
    "dir_max_runs": Option("GROUNDHOG_DIR_MAX_RUNS", "a number of runs from 1 up, or none", _runs),
    "file_max_bytes": Option("GROUNDHOG_FILE_MAX_BYTES", "bytes, like 100M or 1G, or none", size),
}


class RetentionSettings(NamedTuple):
    """None is no bound."""

    dir_max_bytes: int | None = 10 << 30
    """Of all runs in the folder together, when a run begins."""
    dir_max_age_s: float | None = None
    """Seconds since a run was last written to."""
    dir_max_runs: int | None = None
    """The one that begins included."""
    file_max_bytes: int | None = 1 << 30
    """Of what one process keeps of one signal."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> tuple[RetentionSettings, list[Problem]]:
        """Read the settings, and what is wrong with them."""
        given = {name: environ.get(option.variable, "").strip() for name, option in _OPTIONS.items()}
        found, problems = chosen(_OPTIONS, [Source(given)], cls())
        return cls(**found), problems
