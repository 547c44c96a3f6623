"""When workers that cannot hear of one another begin: at a moment that each of them was told beforehand."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone

from groundhog_otel.load.errors import LoadError

__all__ = ("at", "moment_ns")


def moment_ns(text: str) -> int:
    """Return the moment that ``2026-05-01T12:00:00Z`` or ``1777636800`` names, in nanoseconds since 1970.

    Raises:
        LoadError: it names none.
    """
    try:
        return round(float(text) * 1e9)
    except (ValueError, OverflowError):
        pass
    try:
        found = datetime.fromisoformat(text.strip().replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError:
        raise LoadError(
            f"--begin-at {text!r} is no moment. Write 2026-05-01T12:00:00Z, or seconds since 1970."
        ) from None
    if found.tzinfo is None:
        raise LoadError(f"--begin-at {text} may be any of 24 hours: add Z for UTC, or an offset as +02:00.")
    return round(found.timestamp() * 1e9)


def at(begin_ns: int) -> Callable[[], Awaitable[int]]:
    """Return what tells an engine, once its sessions are open, when to begin.

    What it returns raises a :class:`LoadError` when that is past: the others have begun without this worker.
    """

    async def told() -> int:
        late_s = (time.time_ns() - begin_ns) / 1e9
        if late_s > 0:
            moment = datetime.fromtimestamp(begin_ns / 1e9, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            raise LoadError(
                f"The test was to begin at {moment}, and the sessions were open {late_s:.1f} s later: choose a later"
                " moment, and see that all machines have the same time."
            )
        return begin_ns

    return told
