"""Telemetry that fails says so once, and never in the program it watches."""

from __future__ import annotations

import logging
import sys
import traceback

__all__ = ("guarded_error",)

logger = logging.getLogger("groundhog_otel.mcp")

_said: set[str] = set()


def guarded_error(site: str, *, tell: bool = True) -> None:
    """Say, once per site, that telemetry failed; called from an ``except`` block around telemetry code.

    With ``tell=False`` the exception's text stays out of it, as it may repeat what the code at the site was to hide.
    """
    if site in _said:
        return
    _said.add(site)
    if tell:
        logger.warning("telemetry failed in %s; the MCP call goes on without it", site, exc_info=True)
        return
    kind, _, where = sys.exc_info()
    name, lines = getattr(kind, "__qualname__", kind), "".join(traceback.format_tb(where))
    logger.warning("telemetry failed in %s; the MCP call goes on without it: %s\n%s", site, name, lines)
