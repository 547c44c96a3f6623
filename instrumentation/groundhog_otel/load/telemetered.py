"""What a process of a load test does for its telemetry: spans of what is remembered, metrics of everything."""

from __future__ import annotations

from collections.abc import Callable

from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.recorder import Listener
from groundhog_otel.load.result import Request
from groundhog_otel.load.session import ServerFacts

__all__ = ("Telemetered",)


class Telemetered(Listener):
    """Hands requests on to the writers of spans and metrics. Made in the process that it is for."""

    def __init__(self, telemetry: Telemetry, *, url: str | None = None) -> None:
        self.active: Callable[[], int] = lambda: 0
        """Returns how many requests are under way."""
        self._spans = telemetry.span_writer()
        self._metrics = telemetry.metrics(active=self._under_way)
        self._url = url

    def served_by(self, server: ServerFacts) -> None:
        """Take note of the server."""
        if self._spans is not None:
            self._spans.served_by(server, self._url)

    def remembered(self, request: Request) -> None:
        """Write the spans of a request."""
        if self._spans is not None:
            self._spans.write(request)

    def finished(self, operation: str, *, response_s: float, delay_s: float, error: str | None) -> None:
        """Count a request."""
        if self._metrics is not None:
            self._metrics.record(operation, response_s=response_s, delay_s=delay_s, error=error)

    def close(self) -> None:
        """Send what there is; takes some seconds at most."""
        for one in (self._spans, self._metrics):
            if one is not None:
                one.close()

    def _under_way(self) -> int:
        return self.active()
