"""What profile somebody asks a process for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from groundhog_otel.settings import ProfilingSettings

__all__ = ("SIGNALLED_S", "Request")

SIGNALLED_S: Final = 600.0
"""How long what a signal has started lasts, where nobody has said: who started it may not come back to stop it."""
_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One profile that is wanted."""

    kind: Literal["cpu", "memory"] = "cpu"
    light: bool = False
    """Of ``cpu``: 10 looks a second at the most, and only during operations."""
    interval_s: float = 0.01
    tools: tuple[str, ...] = ()
    calls: int | None = None
    over: str | float | None = None
    """``budget``, or seconds."""
    engine: str | None = None
    """Of ``memory``."""
    duration_s: float | None = None
    limit_bytes: int = 256 * _MB

    @classmethod
    def of(cls, settings: ProfilingSettings, mode: str, *, signalled: bool = False) -> Request:
        """Return what a mode (``cpu``, ``light``, ``memory``) means with these settings."""
        return cls(
            kind="memory" if mode == "memory" else "cpu",
            light=mode == "light",
            interval_s=settings.interval_ms / 1000,
            tools=settings.tools,
            calls=settings.calls,
            over=settings.over,
            engine=settings.engine,
            duration_s=settings.duration_s or (SIGNALLED_S if signalled else None),
            limit_bytes=settings.limit_mb * _MB,
        )

    def dumps(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, raw: Mapping[str, Any]) -> Request:
        """Return it from what JSON says.

        Raises:
            TypeError: it has a part that this release does not know.
        """
        return cls(**{**raw, "tools": tuple(raw.get("tools", ()))})
