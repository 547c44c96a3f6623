"""Schedules as they are written on the command line and in scenario files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from groundhog_otel.load.arrivals import Arrivals, Constant, Poisson, Ramp, Spike, Steps
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.replay import recorded_starts

__all__ = ("FORMS", "parse")

FORMS: Final = (
    "constant:200 or 200/s, poisson:200, ramp:10-500, steps:50x10,100x10 (rate x seconds), "
    "spike:50-400@10x5 (base-peak@start x seconds), replay:FOLDER"
)
_NUMBER: Final = r"(\d+(?:\.\d+)?)"


def parse(text: str) -> Arrivals:
    """Return the schedule that ``text`` describes, in one of ``FORMS``.

    Raises:
        LoadError: it describes none.
    """
    kind, colon, rest = text.strip().partition(":")
    if not colon:
        kind, rest = "constant", kind
    read = _KINDS.get(kind.strip())
    made = read(re.sub(r"(?<=\d)/s\b", "", rest.strip())) if read is not None else None
    if made is None:
        raise LoadError(f"{text!r} is no schedule. Write {FORMS}.")
    return made


def _constant(text: str) -> Arrivals | None:
    found = re.fullmatch(_NUMBER, text)
    return Constant(float(found[1])) if found else None


def _poisson(text: str) -> Arrivals | None:
    found = re.fullmatch(_NUMBER, text)
    return Poisson(float(found[1])) if found else None


def _ramp(text: str) -> Arrivals | None:
    found = re.fullmatch(rf"{_NUMBER}-{_NUMBER}", text)
    return Ramp(float(found[1]), float(found[2])) if found else None


def _steps(text: str) -> Arrivals | None:
    found = [re.fullmatch(rf"\s*{_NUMBER}x{_NUMBER}s?\s*", part) for part in text.split(",")]
    steps = [(float(one[1]), float(one[2])) for one in found if one is not None]
    return Steps(tuple(steps)) if len(steps) == len(found) else None


def _spike(text: str) -> Arrivals | None:
    found = re.fullmatch(rf"{_NUMBER}-{_NUMBER}@{_NUMBER}x{_NUMBER}s?", text)
    return Spike(*map(float, found.groups())) if found else None


def _replay(text: str) -> Arrivals | None:
    return recorded_starts(Path(text)) if text else None


_KINDS: Final[dict[str, Callable[[str], Arrivals | None]]] = {
    "constant": _constant,
    "poisson": _poisson,
    "ramp": _ramp,
    "steps": _steps,
    "spike": _spike,
    "replay": _replay,
}
