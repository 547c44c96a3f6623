"""Telemetry that fails says so once, and never in the program it watches."""

from __future__ import annotations

import logging

__all__ = ("guarded_error",)

logger = logging.getLogger("groundhog_otel.mcp")

_said: set[str] = set()


def guarded_error(site: str) -> None:
    """Say, once per site, that telemetry failed; called from an ``except`` block around telemetry code."""
    if site not in _said:
        _said.add(site)
        logger.warning("telemetry failed in %s; the MCP call goes on without it", site, exc_info=True)
