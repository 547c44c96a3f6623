"""The ``groundhog_resources`` instrumentor, for ``opentelemetry-instrument`` and for programs themselves."""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Iterable
from typing import Any, ClassVar, Final
from weakref import WeakSet

from opentelemetry import metrics
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined] # upstream opts out of mypy
    BaseInstrumentor,
)
from opentelemetry.metrics import CallbackOptions, Observation

from groundhog_otel import __version__
from groundhog_otel.resources.snapshot import Observer
from groundhog_otel.resources.table import TABLE, Metric
from groundhog_otel.settings import ResourceSettings, warn

__all__ = ("ResourceInstrumentor",)

logger = logging.getLogger("groundhog_otel.resources")

_SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"


class ResourceInstrumentor(BaseInstrumentor):  # type: ignore[misc] # see the import
    """CPU, memory, disk and network of this process and its host, as observable instruments.

    ``instrument()`` takes ``meter_provider`` and ``settings`` (a :class:`~groundhog_otel.settings.ResourceSettings`; by
    default read from the environment). It starts nothing: whoever collects metrics calls back, and one snapshot serves
    all callbacks of a collection. While ``opentelemetry-instrumentation-system-metrics`` is active, the metrics that
    both would report are left to it.
    """

    _observer: Observer | None = None
    _host = False
    _meters: ClassVar[WeakSet[Any]] = WeakSet()

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return what this instrumentor reads from."""
        return ("psutil >= 5.9",)

    def _instrument(self, **kwargs: Any) -> None:
        try:
            settings = kwargs.get("settings")
            if settings is None:
                settings, problems = ResourceSettings.from_environ()
                warn(problems)
            self._host = settings.system
            self._observer = Observer(host=settings.system)
            self._observer.snapshot()  # what the first collection takes its differences from
            provider = kwargs.get("meter_provider") or metrics.get_meter_provider()
            if provider not in self._meters:
                # The API cannot take an instrument back, so a provider gets each of them once.
                self._create(
                    metrics.get_meter("groundhog_otel.resources", __version__, provider, _SCHEMA_URL), settings
                )
                self._meters.add(provider)
        except Exception:
            logger.warning("process resources are not measured", exc_info=True)

    def _uninstrument(self, **_kwargs: Any) -> None:
        self._observer = None

    def _create(self, meter: metrics.Meter, settings: ResourceSettings) -> None:
        create = {
            "counter": meter.create_observable_counter,
            "up_down_counter": meter.create_observable_up_down_counter,
            "gauge": meter.create_observable_gauge,
        }
        for metric in TABLE:
            if settings.system if metric.of_host else settings.process:
                create[metric.kind](metric.name, [self._callback(metric)], metric.unit, metric.description)

    def _callback(self, metric: Metric) -> Any:
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            observer = self._observer
            if observer is None or _measured_by_system_metrics(metric.name):
                return []
            try:
                return [Observation(value, attributes) for value, attributes in metric.read(observer.snapshot())]
            except KeyError:  # not to be had on this platform, or nothing to take a difference from yet
                return []
            except Exception:
                logger.debug("%s cannot be measured", metric.name, exc_info=True)
                return []

        return observe


_OVERLAP: Final = frozenset(
    metric.name for metric in TABLE if metric.name not in ("process.unix.file_descriptor.count", "process.uptime")
)


def _measured_by_system_metrics(name: str) -> bool:
    """Tell whether the contrib instrumentation for system metrics is active, and emits a metric of this name."""
    module = sys.modules.get("opentelemetry.instrumentation.system_metrics")
    other = getattr(getattr(module, "SystemMetricsInstrumentor", None), "_instance", None)
    return name in _OVERLAP and getattr(other, "_is_instrumented_by_opentelemetry", False) is True
