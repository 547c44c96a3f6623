"""The ``groundhog_resources`` instrumentor, for ``opentelemetry-instrument`` and for programs themselves."""

from __future__ import annotations

import logging
import sys
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
from groundhog_otel.resources.folders import METRIC as FOLDERS
from groundhog_otel.resources.folders import Folders
from groundhog_otel.resources.snapshot import Observer
from groundhog_otel.resources.table import TABLE, Metric
from groundhog_otel.settings import ResourceSettings, warn

__all__ = ("ResourceInstrumentor",)

logger = logging.getLogger("groundhog_otel.resources")

_SCOPE: Final = "groundhog_otel.resources"
_SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"


class ResourceInstrumentor(BaseInstrumentor):  # type: ignore[misc] # see the import
    """CPU, memory, disk and network of this process and its host, as observable instruments.

    ``instrument()`` takes ``meter_provider``, each field of :class:`~groundhog_otel.settings.ResourceSettings` by its
    name (the environment gives the others), and ``settings`` (such an object, in place of the environment). It starts
    nothing: whoever collects metrics calls back, and one snapshot serves all callbacks of a collection. While
    ``opentelemetry-instrumentation-system-metrics`` is active, the metrics that it reports are left to it. Nothing here
    raises into the program.
    """

    _observer: Observer | None = None
    _folders: Folders | None = None
    _wanted: frozenset[str] = frozenset()
    _created: ClassVar[WeakKeyDictionary[MeterProvider, set[str]]] = WeakKeyDictionary()
    _said: ClassVar[set[str]] = set()

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return what this instrumentor reads from."""
        return ("psutil >= 5.9",)

    def instrument(self, **kwargs: Any) -> None:
        """Start; what a configuration file has settled, ``opentelemetry-instrument`` does not start again."""
        if not settled("groundhog_resources", kwargs, active=self.is_instrumented_by_opentelemetry):
            super().instrument(**kwargs)

    def _instrument(self, **kwargs: Any) -> None:
        try:
            settings, problems = ResourceSettings.given(kwargs)
            warn(problems)
            provider = kwargs.get("meter_provider") or metrics.get_meter_provider()
            wanted = [metric for metric in TABLE if (settings.system if metric.of_host else settings.process)]
            if wanted:
                self._wanted = frozenset(metric.name for metric in wanted)
                self._observer = Observer(process=settings.process, host=settings.system)
                self._observer.snapshot()  # what the first collection takes its differences from
                self._create(provider, wanted)
            if settings.folders:
                self._folders = Folders(settings.folders)
                self._folders.sizes()  # begins to measure
                self._create_folders(provider)
        except Exception:
            logger.warning("The resources of this process are not measured", exc_info=True)

    def _uninstrument(self, **_kwargs: Any) -> None:
        self._observer = self._folders = None

    def _create(self, provider: MeterProvider, wanted: Iterable[Metric]) -> None:
        meter = metrics.get_meter(_SCOPE, __version__, provider, _SCHEMA_URL)
        create = {
            "counter": meter.create_observable_counter,
            "up_down_counter": meter.create_observable_up_down_counter,
            "gauge": meter.create_observable_gauge,
        }
        # The API cannot take an instrument back, so a provider gets each once; which of them report is `_wanted`'s say.
        created = self._created.setdefault(provider, set())
        for metric in wanted:
            if metric.name not in created:
                create[metric.kind](metric.name, [self._callback(metric)], metric.unit, metric.description)
                created.add(metric.name)

    def _callback(self, metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            observer = self._observer
            if observer is None or metric.name not in self._wanted or self._stands_back(metric.name):
                return []
            try:
                return [Observation(value, attributes) for value, attributes in metric.read(observer.snapshot())]
            except KeyError:  # not to be had on this platform, or nothing to take a difference from yet
                return []
            except Exception:
                self._say(logging.DEBUG, f"{metric.name} cannot be measured here and is left out")
                return []

        return observe

    def _create_folders(self, provider: MeterProvider) -> None:
        created = self._created.setdefault(provider, set())
        if FOLDERS not in created:
            created.add(FOLDERS)
            meter = metrics.get_meter(_SCOPE, __version__, provider, _SCHEMA_URL)
            meter.create_observable_gauge(
                FOLDERS, [self._observe_folders], "By", "Disk space that a folder's files take"
            )

    def _observe_folders(self, _options: CallbackOptions) -> Iterable[Observation]:
        try:
            sizes = self._folders.sizes() if self._folders is not None else {}
        except Exception:
            self._say(logging.DEBUG, f"{FOLDERS} cannot be measured here and is left out")
            return []
        return [Observation(size, {"file.directory": path}) for path, size in sizes.items()]

    def _stands_back(self, name: str) -> bool:
        """Tell whether the contrib instrumentation for system metrics is active and set to report this metric."""
        module = sys.modules.get("opentelemetry.instrumentation.system_metrics")
        other = getattr(getattr(module, "SystemMetricsInstrumentor", None), "_instance", None)
        active = getattr(other, "_is_instrumented_by_opentelemetry", False) is True
        if not active or name not in (getattr(other, "_config", None) or ()):
            return False
        self._say(
            logging.INFO,
            "opentelemetry-instrumentation-system-metrics is active, so the metrics that it reports are left to it; "
            "to have ours, add system_metrics to OTEL_PYTHON_DISABLED_INSTRUMENTATIONS.",
        )
        return True

    def _say(self, level: int, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            logger.log(level, "%s", sentence, exc_info=level == logging.DEBUG)
