"""Telemetry that is sent in larger parts, and less often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from opentelemetry import trace

from groundhog_otel.optimizer.actions.action import Action, Measure, Refused, Risk, whole

__all__ = ("ExporterBatching",)


class ExporterBatching(Action):
    """Sets how long the SDK's batch processors wait before they send spans.

    A program that is killed loses what waits. The interval of metrics cannot be changed once the SDK has begun: set
    ``OTEL_METRIC_EXPORT_INTERVAL``.
    """

    name = "exporter_batching"
    does = "milliseconds between two batches of spans"
    risk: ClassVar[Risk] = "low"
    promises: ClassVar[tuple[Measure, ...]] = ("cpu",)
    options: ClassVar = {"delay_ms": whole()}
    exports: ClassVar[bool] = True

    delay_ms: int = 10_000

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._before: list[tuple[Any, float]] = []

    def precondition(self) -> str | None:
        """Return why not, if so."""
        return None if any(_batches()) else "there is no batch processor of spans here"

    def apply(self) -> None:
        """Set it."""
        why = self.precondition()
        if why is not None:
            raise Refused(why)
        for batch in _batches():
            self._before.append((batch, batch._schedule_delay))
            _set(batch, self.delay_ms / 1000)
        said = ", ".join(f"{before_s * 1000:.0f}" for _, before_s in self._before)
        self.told("applied", f"spans are sent every {self.delay_ms} ms, and not every {said} ms")

    def revert(self) -> None:
        """Set what was there."""
        before, self._before = self._before, []
        for batch, delay_s in before:
            _set(batch, delay_s)


def _batches() -> Iterator[Any]:
    """Yield what collects spans for exporters: the SDK's own, by the names that it has for them inside."""
    processors = getattr(trace.get_tracer_provider(), "_active_span_processor", None)
    for processor in getattr(processors, "_span_processors", ()):
        batch = getattr(processor, "_batch_processor", None)
        if isinstance(getattr(batch, "_schedule_delay", None), (int, float)) and hasattr(batch, "_worker_awaken"):
            yield batch


def _set(batch: Any, delay_s: float) -> None:
    batch._schedule_delay = delay_s
    batch._worker_awaken.set()  # it waits for as long as it was told before
