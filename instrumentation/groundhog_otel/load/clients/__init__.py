"""Sessions with MCP servers, through the official client of whichever ``mcp`` is installed, over every transport."""

from __future__ import annotations

__all__ = ()
