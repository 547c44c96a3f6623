"""Messages that mcp 1.x deals with inside its receive loop, where no handler sees them.

A request whose method or parameters are not the protocol's is answered there, and ``notifications/cancelled`` is acted
upon there. Both go by the model class that each session validates its messages with: that is what we stand in for.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from opentelemetry.context import Context

from groundhog_otel.mcp import outcome as outcomes
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.noted import note
from groundhog_otel.mcp.outcome import Outcome
from groundhog_otel.mcp.patching import Hook
from groundhog_otel.mcp.sdk_v1.union import validated
from groundhog_otel.mcp.telemetry import Telemetry
from groundhog_otel.mcp.transport import peer_of

__all__ = ("validation_hooks",)

_SESSION: Final = "mcp.shared.session"
_INVALID_PARAMS: Final = -32602
_CANCELLED: Final = "notifications/cancelled"


def validation_hooks(telemetry: Telemetry) -> tuple[Hook, ...]:
    """Return the hooks on both model classes of a session."""
    return tuple(
        Hook(_SESSION, f"BaseSession.{name}", partial(_seen, telemetry, name), adds=True)
        for name in ("_receive_request_type", "_receive_notification_type")
    )


def _seen(telemetry: Telemetry, name: str, _original: object) -> property:
    """Stand in for an attribute that sessions set on themselves; a property also serves those that have it already."""

    def get(self: Any) -> Any:
        return _Validating(self.__dict__[name], telemetry, self)

    def put(self: Any, value: Any) -> None:
        self.__dict__[name] = value

    return property(get, put)


class _Validating:
    """A model class to the receive loop, with an eye on what it refuses."""

    __slots__ = ("_cls", "_session", "_telemetry")

    def __init__(self, cls: Any, telemetry: Telemetry, session: Any) -> None:
        self._cls = cls
        self._telemetry = telemetry
        self._session = session

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cls, name)

    def model_validate(self, message: Any, *args: Any, **kwargs: Any) -> Any:
        """Validate as the class does."""
        try:
            model = None if args or kwargs else validated(self._cls, message)
            if model is None:
                model = self._cls.model_validate(message, *args, **kwargs)
        except Exception:
            # A notification has no answer: nobody is told that it was refused, so it is no error either.
            is_request = isinstance(message, dict) and "id" in message
            self._note(message, outcomes.server_error(_INVALID_PARAMS) if is_request else outcomes.OK)
            raise
        if isinstance(message, dict) and message.get("method") == _CANCELLED:
            self._note(message, outcomes.OK)
        return model

    def _note(self, message: Any, outcome: Outcome) -> None:
        try:
            note(self._telemetry, message, peer_of(self._session), base=Context(), outcome=outcome)
        except Exception:
            guarded_error("validation")
