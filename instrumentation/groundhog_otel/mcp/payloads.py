"""What is told of a request's parameters and of its answer, beyond the fact that they were there: what is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import get_current_span

from groundhog_otel.mcp.content import Content
from groundhog_otel.mcp.fields import field
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.settings import McpSettings

if TYPE_CHECKING:
    from groundhog_otel.mcp.detail import Detail

__all__ = ("Payloads",)


class Payloads:
    """The content of payloads, and details of them, as the settings have it. Nothing here raises."""

    def __init__(self, settings: McpSettings) -> None:
        self._content = Content(settings) if settings.capture_content else None
        self._detail: Detail | None = None
        if settings.detail:
            from groundhog_otel.mcp.detail import Detail  # noqa: PLC0415 - hashlib, which hardly anybody needs

            self._detail = Detail()

    @classmethod
    def asked_for(cls, settings: McpSettings) -> Payloads | None:
        """Return what looks into payloads; None when nobody has asked for it."""
        return cls(settings) if settings.capture_content or settings.detail else None

    def asked(self, operation: Operation, params: Any) -> None:
        """Tell of the parameters of an operation that has just begun: a mapping, a model, or None."""
        try:
            if operation.notification or not _recorded(operation):
                return
            found: dict[str, Any] = {}
            if self._content is not None and operation.method == "tools/call":
                self._content.add(found, "arguments", operation.target, field(params, "arguments"))
            if self._detail is not None:
                self._detail.asked(found, params)
            _put(operation, found)
        except Exception:
            guarded_error("payload", tell=False)

    def answered(self, operation: Operation, answer: Any) -> None:
        """Tell of a result, which is no JSON-RPC error: a mapping or a model."""
        try:
            if operation.notification or not _recorded(operation):
                return
            found: dict[str, Any] = {}
            content = self._content if operation.method == "tools/call" else None
            if content is not None and field(answer, "isError", "is_error") is not True:
                content.add(found, "result", operation.target, answer)
            if self._detail is not None:
                self._detail.answered(found, answer)
            _put(operation, found)
        except Exception:
            guarded_error("payload", tell=False)

    def message(self, operation: Operation, text: object) -> str | None:
        """Return the message of an error as it may be told; None where it may not be."""
        return None if self._content is None else self._content.message(operation.target or operation.method, text)


def _recorded(operation: Operation) -> bool:
    """Tell whether anybody will see what is told: the span is ours, or one that stands for it, and sampled."""
    return operation.context is not None and get_current_span(operation.context).is_recording()


def _put(operation: Operation, found: dict[str, Any]) -> None:
    for key, value in found.items():
        operation.set(key, value)
