"""Keeping telemetry off the standard output of a server that speaks its protocol there."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from typing import Any, Final

from groundhog_otel.mcp.providers import exporters

__all__ = ("keep_stdout_clean",)

logger = logging.getLogger("groundhog_otel.mcp")

_STREAMS: Final = ("out", "_stream")
"""Where exporters keep what they write to: the SDK's console exporters, and the OTLP JSON file exporters."""


def keep_stdout_clean(providers: Iterable[Any]) -> None:
    """Make exporters that print to standard output print to standard error; say so in one warning."""
    moved = []
    for provider in providers:
        for exporter in exporters(provider):
            for name in _STREAMS:
                stream = getattr(exporter, name, None)
                if stream is not None and stream in (sys.stdout, sys.__stdout__):
                    setattr(exporter, name, sys.stderr)
                    moved.append(type(exporter).__name__)
    if moved:
        logger.warning(
            "%s would print telemetry to standard output, which is this server's connection; it goes to standard "
            "error. Set OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER and OTEL_LOGS_EXPORTER to otlp or none.",
            ", ".join(dict.fromkeys(moved)),
        )
