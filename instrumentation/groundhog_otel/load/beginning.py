"""When parts of a test that cannot hear of one another begin: at a moment that each was told beforehand."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone

from groundhog_otel.load.engine.clock import Clock
from groundhog_otel.load.errors import LoadError

__all__ = ("Beginning",)


@dataclass(frozen=True, slots=True)
class Beginning:
    """A moment of the wall clock."""

    epoch_ns: int
    """Nanoseconds since 1970."""

    @classmethod
    def parse(cls, words: str) -> Beginning:
        """Return the moment that ``2026-05-01T12:00:00Z`` names, or ``1777636800``, in seconds since 1970.

        Raises:
            LoadError: it names none.
        """
        try:
            return cls(round(float(words) * 1e9))
        except (ValueError, OverflowError):
            pass
        try:
            found = datetime.fromisoformat(words.strip().replace("Z", "+00:00"))
        except ValueError:
            raise LoadError(f"--begin-at {words!r} is no moment: write it like 2026-05-01T12:00:00Z") from None
        if found.tzinfo is None:
            raise LoadError(f"--begin-at {words} may be any of 24 hours: add Z for UTC, or an offset as +02:00")
        return cls(round(found.timestamp() * 1e9))

    def moment_ns(self) -> int:
        """Return it, once all sessions are open.

        Raises:
            LoadError: it is past, so that the others have begun already.
        """
        late_s = (time.time_ns() - self.epoch_ns) / 1e9
        if late_s > 0:
            moment = datetime.fromtimestamp(self.epoch_ns / 1e9, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            raise LoadError(
                f"The test was to begin at {moment}, and the sessions were open {late_s:.1f} s later: choose a later"
                " moment, and see that all machines have the same time"
            )
        return self.epoch_ns

    async def gate(self, clock: Clock) -> int:
        """Return it in nanoseconds of a test's clock, for :func:`groundhog_otel.load.engine.share.run_share`.

        Raises:
            LoadError: it is past.
        """
        return clock.from_1970(self.moment_ns())
