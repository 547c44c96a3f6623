"""The memory that lets a client resume an event stream that broke off."""

from __future__ import annotations

from typing import Any

from mcp.server import streamable_http


class EventStore(streamable_http.EventStore):
    """Keeps every event for as long as the process lives."""

    def __init__(self) -> None:
        self._events: list[tuple[str, Any]] = []

    async def store_event(self, stream_id: str, message: Any) -> str:
        """Keep an event; its place in the list is its name."""
        self._events.append((stream_id, message))
        return str(len(self._events))

    async def replay_events_after(self, last_event_id: str, send_callback: Any) -> str | None:
        """Send again what a stream had after an event."""
        seen = int(last_event_id)
        if not 0 < seen <= len(self._events):
            return None
        stream = self._events[seen - 1][0]
        for number, (of, message) in enumerate(self._events[seen:], seen + 1):
            if of == stream and message is not None:
                await send_callback(streamable_http.EventMessage(message, str(number)))
        return stream
