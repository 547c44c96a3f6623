"""The processes of a recorded run, while its files grow: what was read once is not read again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from time import time
from typing import Final

import psutil

from groundhog_otel.analysis.operations import error_of, method_of
from groundhog_otel.monitor.figures import FIGURES, Figures
from groundhog_otel.monitor.health import judged
from groundhog_otel.monitor.metrics import CollectedMetrics, Key
from groundhog_otel.monitor.operations import Operations
from groundhog_otel.semconv import GEN_AI_PROMPT_NAME, GEN_AI_TOOL_NAME
from groundhog_otel.store import StoreError
from groundhog_otel.store.layout import pid_of, signal_files
from groundhog_otel.store.manifest import Manifest
from groundhog_otel.store.model import Process, Span
from groundhog_otel.store.otlp import (
    HistogramSample,
    MalformedError,
    Sample,
    decode_metrics,
    decode_spans,
)

__all__ = ("Folder",)

_ALL_S: Final = 1e9
_LAG: Final = "groundhog.event_loop.lag"
_ACTIVE: Final = "groundhog.mcp.requests.active"
_TRAFFIC: Final = "groundhog.mcp.io"


class Folder:
    """The folder of one run."""

    def __init__(self, run: Path, *, window_s: float | None = None) -> None:
        """``window_s`` is how far back to look, in seconds; None is to the beginning."""
        self.name = str(run)
        self._run = run
        self._window_s = window_s or _ALL_S
        self._read: dict[Path, int] = {}
        self._processes: dict[Process, _Recorded] = {}

    def look(self) -> tuple[CollectedMetrics, ...]:
        """Return every process that has written anything, those that serve before those that only ask.

        Raises:
            StoreError: the folder cannot be read.
        """
        manifest = Manifest.read(self._run)
        try:
            for file in signal_files(self._run, "metrics"):
                for line in self._new(file):
                    self._take_metrics(line, file)
            for file in signal_files(self._run, "traces"):
                for line in self._new(file):
                    self._take_spans(line, file)
        except OSError as error:
            raise StoreError(f"cannot read {self._run} ({error.strerror}): name the folder of a run") from None
        ended = manifest is not None and manifest.duration_s is not None
        found = [one.collected(ended=ended) for one in self._processes.values()]
        return tuple(sorted(found, key=lambda one: (not _serves(one), one.service, one.pid or 0)))

    def _new(self, file: Path) -> Iterable[bytes]:
        with file.open("rb") as lines:
            lines.seek(self._read.get(file, 0))
            for line in lines:
                if not line.endswith(b"\n"):  # it is being written
                    break
                self._read[file] = self._read.get(file, 0) + len(line)
                yield line

    def _take_spans(self, line: bytes, file: Path) -> None:
        with suppress(MalformedError):  # the report tells of such lines
            for span in decode_spans(line, pid=pid_of(file)):
                self._of(span.process).take_span(span)

    def _take_metrics(self, line: bytes, file: Path) -> None:
        pid = pid_of(file)
        with suppress(MalformedError):
            by_process: dict[Process, list[Sample]] = {}
            decoded = decode_metrics(line, pid=pid)
            for sample in decoded.samples:
                by_process.setdefault(sample.process, []).append(sample)
            for process, samples in by_process.items():
                self._of(process).take_samples(samples)
            for histogram in decoded.histograms:
                if histogram.name == _LAG:
                    self._of(histogram.process).take_lag(histogram)

    def _of(self, process: Process) -> _Recorded:
        found = self._processes.get(process)
        if found is None:
            manifest = Manifest.read(self._run)
            began_s = None if manifest is None else datetime.fromisoformat(manifest.started_at).timestamp()
            found = self._processes[process] = _Recorded(process, self._window_s, began_s)
        return found


class _Recorded:
    """One process, as far as it has written itself down. Times are seconds since 1970."""

    def __init__(self, process: Process, window_s: float, began_s: float | None) -> None:
        self._process = process
        self._window_s = window_s
        self._began_s = began_s
        self._operations: Operations | None = None
        self._figures = Figures()
        self._active = 0
        self._lag: HistogramSample | None = None
        self._lag_s: float | None = None
        self._last_s = 0.0

    def take_span(self, span: Span) -> None:
        ended_s = span.end_ns / 1e9
        method = method_of(span)
        self._last_s = max(self._last_s, ended_s)
        if method is None:
            return
        if self._operations is None:
            self._operations = Operations(self._window_s, self._began_s or span.start_ns / 1e9)
        target = span.attributes.get(GEN_AI_TOOL_NAME) or span.attributes.get(GEN_AI_PROMPT_NAME)
        key = Key("client" if span.kind == "client" else "server", method, None if target is None else str(target))
        self._operations.add(key, ended_s, span.duration_s, error_of(span))

    def take_samples(self, samples: list[Sample]) -> None:
        """Take the points of one collection: those of one name are added up."""
        sums: dict[str, float] = {}
        at_s = 0.0
        for sample in samples:
            at_s = max(at_s, sample.point.time_ns / 1e9)
            if sample.name in FIGURES or sample.name == _ACTIVE:
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.point.value
        self._last_s = max(self._last_s, at_s)
        self._active = int(sums.pop(_ACTIVE, 0))
        for name, value in sums.items():
            (self._figures.add_total if name == _TRAFFIC else self._figures.add)(name, at_s, value)

    def take_lag(self, sample: HistogramSample) -> None:
        """Take how late the loop was since the point before: its 99th percentile, to the end of its bucket."""
        before, self._lag = self._lag, sample
        counts = sample.buckets.counts
        goes_on = before is not None and not sample.delta and before.start_ns == sample.start_ns
        if before is not None and goes_on and len(before.buckets.counts) == len(counts):
            counts = tuple(now - then for now, then in zip(counts, before.buckets.counts, strict=True))
        self._lag_s = _percentile(counts, sample.boundaries) if sum(counts) else 0.0

    def collected(self, *, ended: bool) -> CollectedMetrics:
        pid = self._process.pid
        running = not ended and pid is not None and psutil.pid_exists(pid)
        now_s = time() if running else self._last_s
        operations = () if self._operations is None else self._operations.read(now_s, None)
        resources = self._figures.read(now_s - self._window_s)
        covered_s = 0.0 if self._operations is None else self._operations.covered_s(now_s)
        return CollectedMetrics(
            at_s=now_s,
            window_s=covered_s,
            service=self._process.service,
            pid=pid,
            operations=operations,
            resources=resources,
            loop_lag_s=self._lag_s,
            health=judged(operations, resources),
            in_flight=self._active if running else 0,
            running=running,
        )


def _percentile(counts: Sequence[int], bounds: tuple[float, ...]) -> float:
    rank, seen = math.ceil(sum(counts) * 0.99), 0
    for count, bound in zip(counts, bounds, strict=False):
        seen += count
        if seen >= rank:
            return bound
    return bounds[-1] if bounds else 0.0


def _serves(metrics: CollectedMetrics) -> bool:
    return any(one.key.side == "server" for one in metrics.operations)
