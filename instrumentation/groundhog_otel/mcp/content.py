"""What tools are given and what they answer, on spans: only for whoever has asked for it.

Source: the MCP semantic conventions, ``gen_ai.tool.call.arguments`` and ``gen_ai.tool.call.result`` (opt-in; sensitive;
a JSON string where a span cannot hold structure; the result only of a call that succeeded).
"""

from __future__ import annotations

import json
from typing import Any

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.settings import McpSettings, Redact, resolved, warn

__all__ = ("Content",)


class Content:
    """Turns captured values into attributes, by the settings: cut to a length, and through a hook before that."""

    def __init__(self, settings: McpSettings) -> None:
        self._max_length = settings.capture_max_length
        self._asked_for = settings.redact
        self._redact: Redact | None = None
        self._usable: bool | None = None

    def text(self, what: str, tool: str, value: Any) -> str | None:
        """Return ``arguments`` or ``result`` (``what``) of a call as JSON text; None when it must not be recorded.

        Never raises: without its redactor, or when that fails, nothing is recorded.
        """
        try:
            if not self._ready():
                return None
            dump = getattr(value, "model_dump", None)  # mcp 1.x hands us models, 2.x what goes on the wire
            if dump is not None:
                value = dump(mode="json", by_alias=True, exclude_none=True)
            if self._redact is not None:
                value = self._redact(what, tool, value)
            return json.dumps(value, ensure_ascii=False, default=str)[: self._max_length]
        except Exception:
            guarded_error("content")
            return None

    def _ready(self) -> bool:
        # Only now: the redactor is the program's, which has not begun when opentelemetry-instrument starts us.
        if self._usable is None:
            self._redact, problem = resolved(self._asked_for)
            self._usable = problem is None
            warn([] if problem is None else [problem])
        return self._usable
