"""MCP operations as spans and metrics: the ``groundhog_mcp`` instrumentor of ``opentelemetry-instrument``."""

from __future__ import annotations

from groundhog_otel.mcp.instrumentor import McpInstrumentor

__all__ = ("McpInstrumentor",)
