"""The four histograms of the conventions: how long operations and sessions take, at either end."""

from __future__ import annotations

from typing import Final

from opentelemetry import metrics
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from groundhog_otel import __version__, semconv
from groundhog_otel.mcp.names import METHODS, OTHER, KnownNames
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.mcp.outcome import OK, Outcome
from groundhog_otel.mcp.shape import shape
from groundhog_otel.mcp.transport import Transport

__all__ = ("SCOPE", "Durations")

_CLIENT: Final = SpanKind.CLIENT  # a member that is asked of its class costs a call
SCOPE: Final = "groundhog_otel.mcp"
"""The instrumentation scope of spans and metrics of MCP messages."""


def _seconds(meter: metrics.Meter, name: str, description: str) -> metrics.Histogram:
    return meter.create_histogram(
        name,
        unit="s",
        description=description,
        explicit_bucket_boundaries_advisory=semconv.MCP_DURATION_BUCKETS_S,
    )


class Durations:
    """The histograms, and the names that they may carry."""

    def __init__(self, meter_provider: metrics.MeterProvider | None) -> None:
        self.methods = KnownNames(METHODS)
        self.targets = KnownNames()
        meter = metrics.get_meter(SCOPE, __version__, meter_provider, semconv.GENAI_SCHEMA_URL)
        self._sent, self._received = (
            _seconds(meter, name, f"Duration of an MCP request or notification, at its {end}")
            for name, end in (
                (semconv.MCP_CLIENT_OPERATION_DURATION, "sender"),
                (semconv.MCP_SERVER_OPERATION_DURATION, "receiver"),
            )
        )
        self._sessions = {
            kind: _seconds(meter, name, f"Duration of an MCP session, at its {end}")
            for kind, name, end in (
                (SpanKind.CLIENT, semconv.MCP_CLIENT_SESSION_DURATION, "client"),
                (SpanKind.SERVER, semconv.MCP_SERVER_SESSION_DURATION, "server"),
            )
        }
        self.idle = isinstance(self._sent, metrics.NoOpHistogram)
        """The SDK's metrics are switched off."""

    def bounded(self, method: str, target: str | None) -> tuple[str, str | None]:
        """Return both names as a metric may carry them: ``_OTHER`` for what nobody has vouched for."""
        if method not in self.methods:
            return OTHER, None
        return method, OTHER if target is not None and target not in self.targets else target

    def record(self, operation: Operation, outcome: Outcome, duration_s: float) -> None:
        """Add one operation to its histogram, with its span's context so that an exemplar can name the trace."""
        attributes = operation.shared
        if attributes is None:
            method, target = operation.method, operation.target
            if outcome is OK and not operation.notification:
                self.methods.learn(method)
                if target is not None:
                    self.targets.learn(target)
            else:
                method, target = self.bounded(method, target)
            _, attributes = shape(method, target, operation.transport, operation.mcp_version)
        if outcome is not OK:
            attributes = dict(attributes)
            if outcome.error_type is not None:
                attributes[semconv.ERROR_TYPE] = outcome.error_type
            if outcome.status_code is not None:
                attributes[semconv.RPC_RESPONSE_STATUS_CODE] = outcome.status_code
        histogram = self._sent if operation.kind is _CLIENT else self._received
        histogram.record(duration_s, attributes, context=operation.context)

    def record_session(
        self,
        kind: SpanKind,
        *,
        transport: Transport,
        mcp_version: str | None,
        error_type: str | None,
        duration_s: float,
        context: Context | None,
    ) -> None:
        """Add one session, which has ended, to its histogram; ``context`` has the span that stands for it."""
        attributes = transport.attributes(mcp_version)
        if error_type is not None:
            attributes[semconv.ERROR_TYPE] = error_type
        self._sessions[kind].record(duration_s, attributes, context=context)
