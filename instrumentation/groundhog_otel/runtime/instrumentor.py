"""The ``groundhog_runtime`` instrumentor, for ``opentelemetry-instrument`` and for programs themselves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from typing import Any, ClassVar, Final
from weakref import WeakKeyDictionary

from opentelemetry import metrics
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined] # upstream opts out of mypy
    BaseInstrumentor,
)
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from groundhog_otel import __version__
from groundhog_otel.declarative import settled
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.runtime.parts import Parts
from groundhog_otel.runtime.table import HISTOGRAMS, OBSERVED, Observed
from groundhog_otel.settings import RuntimeSettings, warn

__all__ = ("RuntimeInstrumentor",)

logger = logging.getLogger("groundhog_otel.runtime")

_SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"


class RuntimeInstrumentor(BaseInstrumentor):  # type: ignore[misc] # see the import
    """What holds MCP operations up inside this process: a blocked event loop, busy worker threads, garbage collection.

    ``instrument()`` takes ``meter_provider`` and ``settings`` (a :class:`~groundhog_otel.settings.RuntimeSettings`; by
    default read from the environment). It relies on :class:`~groundhog_otel.mcp.McpInstrumentor` to say when operations
    begin and end; without it, only the garbage collector and the wait for worker threads are reported. Nothing here
    raises into the program.
    """

    _parts: Parts | None = None
    _created: ClassVar[WeakKeyDictionary[MeterProvider, bool]] = WeakKeyDictionary()

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return nothing: what is watched is Python's own, or is looked for when the program imports it."""
        return ()

    def instrument(self, **kwargs: Any) -> None:
        """Start; what a configuration file has settled, ``opentelemetry-instrument`` does not start again."""
        if not settled("groundhog_runtime", kwargs, active=self.is_instrumented_by_opentelemetry):
            super().instrument(**kwargs)

    def _instrument(self, **kwargs: Any) -> None:
        try:
            settings, problems = RuntimeSettings.given(kwargs)
            warn(problems)
            if not settings.parts:
                return
            provider = kwargs.get("meter_provider") or metrics.get_meter_provider()
            meter = metrics.get_meter("groundhog_otel.runtime", __version__, provider, _SCHEMA_URL)
            self._parts = Parts(
                settings,
                {
                    row.name: meter.create_histogram(
                        row.name, "s", row.description, explicit_bucket_boundaries_advisory=row.buckets_s
                    )
                    for row in HISTOGRAMS
                },
            )
            self._parts.install()
            self._observe(provider, meter)
        except Exception:
            logger.warning("The runtime of this process is not measured", exc_info=True)

    def _uninstrument(self, **_kwargs: Any) -> None:
        parts, self._parts = self._parts, None
        if parts is not None:
            parts.remove()

    def _observe(self, provider: MeterProvider, meter: metrics.Meter) -> None:
        # The API cannot take an instrument back, so a provider gets each once; who reports is `_parts`' say.
        if provider in self._created:
            return
        self._created[provider] = True
        create = {
            "counter": meter.create_observable_counter,
            "up_down_counter": meter.create_observable_up_down_counter,
        }
        for row in OBSERVED:
            create[row.kind](row.name, [self._callback(row)], row.unit, row.description)

    def _callback(self, row: Observed) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            parts = self._parts
            try:
                return [] if parts is None or row.part not in parts.settings.parts else row.read(parts)
            except Exception:
                guarded_error(row.name)
                return []

        return observe
