"""``OTEL_TRACES_EXPORTER=groundhog_file`` and ``OTEL_METRICS_EXPORTER=groundhog_file``: telemetry into the store.

The official OTLP JSON file exporter does the encoding. Its own entry point takes no path from the environment and
writes to standard output, where an MCP server on stdio speaks its protocol; these two give it a file per process.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Final, Generic, TypeVar

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from groundhog_otel.settings import ENV_GROUNDHOG_DIR, run_id, store_directory, warn
from groundhog_otel.settings.retention import RetentionSettings
from groundhog_otel.store.bounded import BoundedFile
from groundhog_otel.store.layout import Signal, own_run_id, prepare, signal_file
from groundhog_otel.store.retention import tidy

__all__ = ("MetricFileExporter", "SpanFileExporter")

logger = logging.getLogger("groundhog_otel.store")

_INSTALL: Final = "pip install 'groundhog-otel[tools]'"

E = TypeVar("E", SpanExporter, MetricExporter)


@lru_cache(maxsize=64)
def _warn_once(sentence: str) -> None:
    logger.warning("%s", sentence)


def _run_directory() -> Path | None:
    """Return this process's run, ready to be written to; None, and a warning, when that cannot be."""
    store = Path(store_directory()).absolute()
    try:
        run = prepare(store, run_id() or own_run_id())
    except OSError as error:
        _warn_once(
            f"telemetry is not recorded: cannot write to {store} ({error.strerror}). "
            f"Set {ENV_GROUNDHOG_DIR} to a folder that can be written to."
        )
        return None
    if run_id() is None:  # otherwise whoever has begun the run has done this
        _tidy_once(store, run.name)
    return run


@lru_cache(maxsize=4)
def _tidy_once(store: Path, keep: str) -> None:
    """Bring the folder within its bounds; each exporter of the process comes by here."""
    tidy(store, keep=keep, settings=_retention())


@lru_cache(maxsize=1)
def _retention() -> RetentionSettings:
    settings, problems = RetentionSettings.from_environ()
    warn(problems)
    return settings


class _PerProcess(Generic[E]):
    """The official exporter on this process's own file; a forked child gets another one.

    Opened at the first batch, so that a process which records nothing leaves no file.
    """

    def __init__(self, signal: Signal, make: Callable[[Any, IO[str]], E], run: Path | None) -> None:
        self._signal = signal
        self._make: Callable[[Any, IO[str]], E] = make
        self._official = _official()
        self._pid: int | None = None
        self._file: BoundedFile | None = None
        self._exporter: E | None = None
        self._run = run or _run_directory()

    def for_batch(self, resource: Resource) -> E | None:
        """Return the exporter for a batch of this resource; None when nothing can be written."""
        pid = os.getpid()
        if pid != self._pid:
            if self._file is not None:
                self._file.stream.close()  # this child's copy; the parent's stays open
            self._pid = pid
            self._exporter = self._open(str(resource.attributes.get(SERVICE_NAME, "")), pid)
        elif self._file is not None:
            try:
                if self._file.make_room():
                    self._exporter = self._make(self._official, self._file.stream)
            except OSError as error:
                _warn_once(f"telemetry is no longer recorded: cannot write to {self._run} ({error.strerror}).")
                self._file = self._exporter = None
        return self._exporter

    def _open(self, service: str, pid: int) -> E | None:
        if self._run is None or self._official is None:
            return None
        file = signal_file(self._run, service=service, pid=pid, signal=self._signal)
        try:
            self._file = BoundedFile(file, _retention().file_max_bytes, warn=_warn_once)
            return self._make(self._official, self._file.stream)
        except OSError as error:
            _warn_once(f"telemetry is not recorded: cannot write {file} ({error.strerror}).")
        return None

    def close(self) -> None:
        """Close this process's file; a parent's is its own."""
        if self._pid == os.getpid():
            if self._exporter is not None:
                self._exporter.shutdown()
            if self._file is not None:
                self._file.stream.close()


def _official() -> Any:
    """Return the module of the official exporters; None, and a warning, when it is not installed.

    Loaded before the program starts: at the first batch, it would hold up whatever the program is doing then.
    """
    try:
        from opentelemetry.exporter.otlp.json import file  # noqa: PLC0415 - of the extra "tools"
    except ImportError:
        _warn_once(f"telemetry is not recorded: the OTLP JSON file exporter is not installed. {_INSTALL}")
        return None
    return file


class SpanFileExporter(SpanExporter):
    """Appends each batch of spans, as a line of OTLP JSON, to this process's file in the current run.

    ``run`` is the folder of another run, which is there.
    """

    def __init__(self, run: Path | None = None) -> None:
        self._files = _PerProcess("traces", lambda official, stream: official.FileSpanExporter(stream=stream), run)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write one line, through to the file."""
        exporter = self._files.for_batch(spans[0].resource) if spans else None
        return SpanExportResult.FAILURE if exporter is None else exporter.export(spans)

    def shutdown(self) -> None:
        """Close the file."""
        self._files.close()

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002 - of the interface
        """Nothing is held back."""
        return True


class MetricFileExporter(MetricExporter):
    """Appends each collection, as a line of OTLP JSON, to this process's file in the current run.

    Always cumulative, whatever the environment prefers: a lost line then costs a point and no total.
    ``run`` is the folder of another run, which is there.
    """

    def __init__(self, run: Path | None = None) -> None:
        super().__init__()
        self._files = _PerProcess("metrics", lambda official, stream: official.FileMetricExporter(stream=stream), run)

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> MetricExportResult:
        """Write one line, through to the file."""
        groups = metrics_data.resource_metrics
        exporter = self._files.for_batch(groups[0].resource) if groups else None
        if exporter is None:
            return MetricExportResult.FAILURE
        result: MetricExportResult = exporter.export(metrics_data, timeout_millis, **kwargs)
        return result

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:  # noqa: ARG002 - of the interface
        """Close the file."""
        self._files.close()

    def force_flush(self, timeout_millis: float = 10_000) -> bool:  # noqa: ARG002 - of the interface
        """Nothing is held back."""
        return True
