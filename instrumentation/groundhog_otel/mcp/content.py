"""What tools are given and what they answer, and what errors say, on spans: only for whoever has asked for it.

Source: the MCP semantic conventions, ``gen_ai.tool.call.arguments`` and ``gen_ai.tool.call.result`` (opt-in; sensitive;
a JSON string where a span cannot hold structure; the result only of a call that succeeded). The status description
SHOULD be ``JSONRPCError.message``, which the SDKs fill with exceptions' texts and arguments.
"""

from __future__ import annotations

import json
from typing import Any, Final

from groundhog_otel import semconv
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.settings import McpSettings, Redact, resolved, warn

__all__ = ("Content",)

_KEYS: Final = {
    "arguments": semconv.GEN_AI_TOOL_CALL_ARGUMENTS,
    "result": semconv.GEN_AI_TOOL_CALL_RESULT,
}


class Content:
    """Turns captured values into attributes, by the settings: cut to a length, and through a hook before that."""

    def __init__(self, settings: McpSettings) -> None:
        self._max_length = settings.capture_max_length
        self._asked_for = settings.redact
        self._redact: Redact | None = None
        self._usable: bool | None = None

    def add(self, attributes: dict[str, Any], what: str, tool: str | None, value: Any) -> None:
        """Add ``arguments`` or ``result`` (``what``) of a call of ``tool``, as JSON text.

        Never raises: without its redactor, or when that fails, nothing is recorded.
        """
        try:
            if tool is None or value is None or not self._ready():
                return
            dump = getattr(value, "model_dump", None)  # mcp 1.x hands us models, 2.x what goes on the wire
            if dump is not None:
                value = dump(mode="json", by_alias=True, exclude_none=True)
            if self._redact is not None:
                value = self._redact(what, tool, value)
            text = json.dumps(value, ensure_ascii=False, default=str)
            attributes[_KEYS[what]] = text[: self._max_length]
        except Exception:
            guarded_error("content", tell=False)

    def message(self, tool: str, text: object) -> str | None:
        """Return the message of an error as it may be told; None where it may not be. Never raises."""
        try:
            if not isinstance(text, str) or not self._ready():
                return None
            told = text if self._redact is None else str(self._redact("error", tool, text))
            return told[: self._max_length]
        except Exception:
            guarded_error("content", tell=False)
            return None

    def _ready(self) -> bool:
        # Only now: the redactor is the program's, which has not begun when opentelemetry-instrument starts us.
        if self._usable is None:
            self._redact, problem = resolved(self._asked_for)
            self._usable = problem is None
            warn([] if problem is None else [problem])
        return self._usable
