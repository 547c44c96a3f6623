"""Load tests of MCP servers: open-model arrivals, latencies from the moment each request was due, linked to traces."""

from __future__ import annotations

__all__ = ()
