"""How many MCP requests are under way at this moment."""

from __future__ import annotations

from collections import Counter
from typing import Final

from opentelemetry.metrics import Observation

from groundhog_otel import semconv
from groundhog_otel.mcp.inflight import IN_FLIGHT

__all__ = ("SIDE", "ActiveRequests")

SIDE: Final = "groundhog.mcp.side"
"""``client`` for requests that this process has sent, ``server`` for those that it answers."""


class ActiveRequests:
    """Counts by side and method. A method that is not known to any peer is ``_OTHER``."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def read(self) -> list[Observation]:
        """Return one observation per side and method; 0 for those that were there before and are not now."""
        now = Counter(
            (operation.kind.name.lower(), operation.bounded_names()[0])
            for operation in tuple(IN_FLIGHT)
            if not operation.notification
        )
        self._seen |= now.keys()
        return [
            Observation(now[side, method], {SIDE: side, semconv.MCP_METHOD_NAME: method})
            for side, method in sorted(self._seen)
        ]
