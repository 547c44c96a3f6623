"""Recorded telemetry, wherever it is: in files, in Jaeger, in Prometheus, or in the last two together.

All fill the same :class:`~groundhog_otel.store.model.Recording`. What differs is what was kept: files have everything,
Jaeger the traces that were sampled, exactly, Prometheus all operations, counted in buckets.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

from groundhog_otel.store import StoreError
from groundhog_otel.store.engine import Engine
from groundhog_otel.store.jaeger import Jaeger
from groundhog_otel.store.layout import signal_files
from groundhog_otel.store.model import Recording
from groundhog_otel.store.narrowing import narrowed
from groundhog_otel.store.prometheus import Prometheus
from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.selection import LATEST, select_runs
from groundhog_otel.store.totals import OperationTotals, totals_of, totals_of_histograms

__all__ = ("Files", "JaegerAndPrometheus", "JaegerTraces", "PrometheusMetrics", "Telemetry")

_HOUR_NS: Final = 3600 * 10**9
_LOOK_BACK_NS: Final = 300 * 10**9
"""For what a histogram had counted before: a target that is scraped at all is scraped that often."""
_LARGE_BYTES: Final = 32_000_000
"""Of spans' files, from which on the engine is quicker than the reader."""


class Telemetry(Protocol):
    """A place where telemetry is, all of it or a part."""

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        ...

    def read(
        self, *, since_ns: int | None = None, until_ns: int | None = None, services: Iterable[str] = ()
    ) -> Recording:
        """Return what was recorded between two instants (nanoseconds since 1970), of all services or of some.

        Traces come whole, when a span of one of the services began within that time. Files are read from their
        beginning to their end, backends for the last hour, unless told otherwise.

        Raises:
            StoreError: it cannot be asked. The message is one sentence.
            OSError: a file cannot be read.
        """
        ...

    def operations(
        self, *, since_ns: int | None = None, until_ns: int | None = None, services: Iterable[str] = ()
    ) -> tuple[OperationTotals, ...]:
        """Return the MCP operations that began within that time, at these services, added up.

        Raises:
            StoreError: as above.
            OSError: as above.
        """
        ...


class Files:
    """Recorded runs in a folder, or the folder of one run."""

    def __init__(self, store: Path, run: str = LATEST) -> None:
        """Choose the runs, as :func:`~groundhog_otel.store.selection.select_runs` does.

        Raises:
            StoreError: there is no such run.
        """
        self._store = store
        self.runs = tuple(select_runs(store, run))

    @property
    def name(self) -> str:
        """The folder."""
        return str(self._store)

    def read(
        self, *, since_ns: int | None = None, until_ns: int | None = None, services: Iterable[str] = ()
    ) -> Recording:
        """Return what the files hold."""
        return narrowed(read_runs(self.runs), since_ns=since_ns, until_ns=until_ns, services=services)

    def operations(
        self, *, since_ns: int | None = None, until_ns: int | None = None, services: Iterable[str] = ()
    ) -> tuple[OperationTotals, ...]:
        """Return the operations, exactly. Of large recordings the engine counts them, where it is installed."""
        chosen = tuple(services)
        if since_ns is None and until_ns is None and find_spec("duckdb") is not None and self._are_large():
            with Engine(self.runs) as engine:
                return tuple(one for one in engine.operations() if not chosen or one.service in chosen)
        recording = self.read(since_ns=since_ns, until_ns=until_ns, services=chosen)
        return _exact(recording, since_ns, until_ns, chosen)

    def _are_large(self) -> bool:
        files = (file for run in self.runs for file in signal_files(run, "traces"))
        return sum(file.stat().st_size for file in files) >= _LARGE_BYTES


class JaegerTraces:
    """The traces that a Jaeger has; no metrics."""

    def __init__(self, address: str, *, most: int = 1000) -> None:
        """Remember the address, and how many traces to ask for at ``most``: the newest.

        Raises:
            StoreError: it is no web address.
        """
        self.jaeger = Jaeger(address)
        self._most = most
        self.complete = True
        """Whether what was read last were all traces of that time."""

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return self.jaeger.name

    def read(
        self, *, since_ns: int | None = None, until_ns: int | None = None, services: Iterable[str] = ()
    ) -> Recording:
        """Return whole traces."""
        begin_ns, end_ns = _window(since_ns, until_ns)
        traces, self.complete = self.jaeger.search(
            since_ns=begin_ns, until_ns=end_ns, services=services, most=self._most
        )
        return Recording(runs=(), spans=tuple(span for trace in traces for span in trace.spans))

    def operations(
        self, *, since_ns: int | None = None, until_ns: int | None = None, services: Iterable[str] = ()
    ) -> tuple[OperationTotals, ...]:
        """Return the operations of the traces that were kept, exactly."""
        begin_ns, end_ns = _window(since_ns, until_ns)
        chosen = tuple(services)
        return _exact(self.read(since_ns=begin_ns, until_ns=end_ns, services=chosen), begin_ns, end_ns, chosen)


class PrometheusMetrics:
    """The series and histograms that a Prometheus has; no traces."""

    def __init__(self, address: str) -> None:
        """Remember the address.

        Raises:
            StoreError: it is no web address.
        """
        self.prometheus = Prometheus(address)

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return self.prometheus.name

    def read(
        self, *, since_ns: int | None = None, until_ns: int | None = None, services: Iterable[str] = ()
    ) -> Recording:
        """Return what was scraped."""
        begin_ns, end_ns = _window(since_ns, until_ns)
        series, histograms = self.prometheus.read(since_ns=begin_ns, until_ns=end_ns, services=services)
        return Recording(runs=(), series=series, histograms=histograms)

    def operations(
        self, *, since_ns: int | None = None, until_ns: int | None = None, services: Iterable[str] = ()
    ) -> tuple[OperationTotals, ...]:
        """Return all operations, sampled or not; of percentiles, the upper ends of their buckets."""
        begin_ns, end_ns = _window(since_ns, until_ns)
        _, histograms = self.prometheus.read(since_ns=begin_ns - _LOOK_BACK_NS, until_ns=end_ns, services=services)
        return totals_of_histograms(histograms, since_ns=begin_ns)


class JaegerAndPrometheus:
    """Traces of one, metrics of the other."""

    def __init__(self, traces: JaegerTraces, metrics: PrometheusMetrics) -> None:
        self.traces = traces
        self.metrics = metrics

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return f"{self.traces.name} and {self.metrics.name}"

    def read(
        self, *, since_ns: int | None = None, until_ns: int | None = None, services: Iterable[str] = ()
    ) -> Recording:
        """Return what both have."""
        begin_ns, end_ns = _window(since_ns, until_ns)
        chosen = tuple(services)
        metrics = self.metrics.read(since_ns=begin_ns, until_ns=end_ns, services=chosen)
        return replace(metrics, spans=self.traces.read(since_ns=begin_ns, until_ns=end_ns, services=chosen).spans)

    def operations(
        self, *, since_ns: int | None = None, until_ns: int | None = None, services: Iterable[str] = ()
    ) -> tuple[OperationTotals, ...]:
        """Return what Prometheus says: it has all operations, where Jaeger has the slow and the failed, and a few."""
        return self.metrics.operations(since_ns=since_ns, until_ns=until_ns, services=services)


def _window(since_ns: int | None, until_ns: int | None) -> tuple[int, int]:
    end_ns = time.time_ns() if until_ns is None else until_ns
    begin_ns = end_ns - _HOUR_NS if since_ns is None else since_ns
    if begin_ns >= end_ns:
        raise StoreError("the time that is asked for ends before it begins: exchange the two")
    return begin_ns, end_ns


def _exact(
    recording: Recording, since_ns: int | None, until_ns: int | None, services: tuple[str, ...]
) -> tuple[OperationTotals, ...]:
    return totals_of(
        span
        for span in recording.spans
        if (not services or span.process.service in services)
        and (since_ns is None or span.start_ns >= since_ns)
        and (until_ns is None or span.start_ns <= until_ns)
    )
