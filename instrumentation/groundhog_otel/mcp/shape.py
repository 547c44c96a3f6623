"""What an operation is called, and the attributes that its span and its metric share."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from groundhog_otel import semconv
from groundhog_otel.mcp.redaction import redacted_uri
from groundhog_otel.mcp.transport import Transport

__all__ = ("LONGEST_NAME", "TARGETS", "WITH_URI", "shape", "shape_once", "tell_uri")

LONGEST_NAME: Final = 256
"""Characters. A peer may send names as long as it likes; what is longer is cut off, here and in what we remember."""
_LONGEST_URI: Final = 2048
TARGETS: Final = {"tools/call": semconv.GEN_AI_TOOL_NAME, "prompts/get": semconv.GEN_AI_PROMPT_NAME}
WITH_URI: Final = frozenset(
    {"resources/read", "resources/subscribe", "resources/unsubscribe", "notifications/resources/updated"}
)


def shape_once(
    method: str, target: str | None, transport: Transport, mcp_version: str | None
) -> tuple[str, dict[str, Any]]:
    """Return the span name and the attributes, of span and metric alike, that all operations of one kind share."""
    shared: dict[str, Any] = {semconv.MCP_METHOD_NAME: method, **transport.attributes(mcp_version)}
    if method == "tools/call":
        shared[semconv.GEN_AI_OPERATION_NAME] = "execute_tool"
    if target is None:
        return method, shared
    shared[TARGETS[method]] = target
    return f"{method} {target}", shared


shape = lru_cache(maxsize=1024)(shape_once)
"""The same, remembered: the attributes are everybody's, and not to be changed."""


def tell_uri(title: str, attributes: dict[str, Any], uri: object, *, in_name: bool) -> str:
    """Add a resource's URI to a span's attributes, as far as it may be told, and return the span's name."""
    if uri is None:
        return title
    told = attributes[semconv.MCP_RESOURCE_URI] = redacted_uri(str(uri))[:_LONGEST_URI]
    return f"{title} {told}" if in_name else title
