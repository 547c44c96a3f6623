"""One clear message when no Collector is there, in place of the exporters' stream of retries.

The OTLP exporters log every attempt of every signal, and never what to do. While this notice is in place the first
such record says it, and the rest are held back for ten minutes. Whoever sets their loggers to DEBUG sees all of them.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

from groundhog_otel.environment_variables import OTEL_PYTHON_MCP_EXIT_TIMEOUT
from groundhog_otel.settings import ENV_OTLP_ENDPOINT, otlp_endpoint

__all__ = ("UnreachableNotice",)

logger = logging.getLogger("groundhog_otel.mcp")

_LOGGERS: Final = (
    "opentelemetry.exporter.otlp.proto.grpc.exporter",
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
)
_SIGNS: Final = (
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "Max retries exceeded",
    "Connection",
    "due to timeout, max retries or shutdown",
    "Shutdown in progress, aborting retry",
)
_SPEAK_OF_EXPORTS: Final = ("opentelemetry.sdk._shared_internal", "opentelemetry.sdk.metrics._internal.export")
_QUIET_S: Final = 600.0


class UnreachableNotice(logging.Filter):
    """A filter on the OTLP exporters' loggers."""

    def __init__(self) -> None:
        super().__init__()
        self._said_s = float("-inf")
        self._given_up = False

    def install(self) -> None:
        """Put the notice in place."""
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    def remove(self) -> None:
        """Let the exporters speak for themselves again."""
        for name in (*_LOGGERS, *_SPEAK_OF_EXPORTS):
            logging.getLogger(name).removeFilter(self)

    def give_up(self) -> None:
        """Say, if it has not been said, that telemetry is dropped so that the process can end.

        What the exporters have to say about the calls that are cut short is held back from now on.
        """
        self._given_up = True
        for name in _SPEAK_OF_EXPORTS:
            logging.getLogger(name).addFilter(self)
        if monotonic() - self._said_s >= _QUIET_S:
            logger.warning(
                "The last telemetry of this process did not get out in time: it is dropped, so that the process can "
                "end. See that a Collector answers at %s, or set %s to more seconds (or none).",
                otlp_endpoint(),
                OTEL_PYTHON_MCP_EXIT_TIMEOUT,
            )

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the first record about an unreachable Collector, and hold back those that follow."""
        if logging.getLogger(record.name).isEnabledFor(logging.DEBUG):
            return True
        if self._given_up:
            return False
        message = record.getMessage()
        if not any(sign in message for sign in _SIGNS):
            return True
        now_s = monotonic()
        if now_s - self._said_s < _QUIET_S:
            return False
        self._said_s = now_s
        record.msg = (
            "No Collector takes telemetry at %s: it is dropped, and the program goes on. Start one there "
            "(`groundhog stack up`), set %s to where one is, or set OTEL_SDK_DISABLED=true."
        )
        record.args = (otlp_endpoint(), ENV_OTLP_ENDPOINT)
        record.exc_info = None
        return True
