"""The parts' logs as one: by time, each line with the part that said it."""

from __future__ import annotations

import heapq
import re
import time
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

__all__ = ("follow", "merged", "said_at")

_ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)")
"""In Prometheus' and Alertmanager's ``time=…``, and in the JSON of the Collector and Jaeger."""
_EPOCH: Final = re.compile(r'"ts":(\d+(?:\.\d+)?)')
_HEAD: Final = 200
"""Characters in which a line says its time."""
_LOOK_EVERY_S: Final = 0.2

Line = tuple[str, str]
"""A part's name, and what it said."""


def said_at(line: str) -> float | None:
    """Return when a line was written, in seconds since 1970; None when it does not say."""
    head = line[:_HEAD]
    if epoch := _EPOCH.search(head):
        return float(epoch[1])
    if iso := _ISO.search(head):
        return _seconds(iso[0])
    return None


def _seconds(iso: str) -> float | None:
    # Python 3.10 wants six digits after the point, and a zone with a colon.
    whole, fraction, zone = re.fullmatch(r"([^.Z+]{19})(\.\d+)?(.+)", iso).groups()  # type: ignore[union-attr]
    try:
        moment = datetime.strptime(whole + zone.replace("Z", "+0000").replace(":", ""), "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return None
    return moment.astimezone(timezone.utc).timestamp() + float(fraction or 0)


def merged(logs: Mapping[str, Path], lines: int) -> Iterator[Line]:
    """Return the last lines of each log, ``lines`` at most of each, all in the order in which they were written."""
    timed = (
        [(at, name, line) for at, line in _timed(deque(_text(file).splitlines(), maxlen=lines))]
        for name, file in logs.items()
    )
    return ((name, line) for _, name, line in heapq.merge(*timed, key=lambda one: one[0]))


def _timed(lines: deque[str]) -> Iterator[tuple[float, str]]:
    last = 0.0
    for line in lines:
        last = max(said_at(line) or last, last)  # a line without a time goes with the one before it
        yield last, line


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError:
        return ""


def follow(logs: Mapping[str, Path]) -> Iterator[Line]:
    """Return every whole line that is written from now on, for ever; of a part that is started again, too."""
    # Now, and not when the first line is asked for.
    positions = {name: (_identity(file), file.stat().st_size if file.exists() else 0) for name, file in logs.items()}
    return _from(positions, logs)


def _from(positions: dict[str, tuple[int | None, int]], logs: Mapping[str, Path]) -> Iterator[Line]:
    while True:
        quiet = True
        for name, file in logs.items():
            identity, position = positions[name]
            if _identity(file) != identity:  # another process has begun another file
                identity, position = _identity(file), 0
            if identity is not None:
                with file.open("rb") as stream:
                    stream.seek(position)
                    new = stream.read()
                whole = new[: new.rfind(b"\n") + 1]
                position += len(whole)
                for line in whole.decode("utf-8", "replace").splitlines():
                    quiet = False
                    yield name, line
            positions[name] = identity, position
        if quiet:
            time.sleep(_LOOK_EVERY_S)


def _identity(file: Path) -> int | None:
    """Return what tells a file from another of the same name; None when there is none."""
    try:
        return file.stat().st_ino
    except OSError:
        return None
