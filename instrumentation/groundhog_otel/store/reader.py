"""Reads runs back, line by line: what cannot be read costs one line, and is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from groundhog_otel.store.cumulative import joined, running_total
from groundhog_otel.store.layout import pid_of, signal_files
from groundhog_otel.store.manifest import Manifest
from groundhog_otel.store.model import Histogram, Process, Recording, Run, Series, Span, Unreadable, Value
from groundhog_otel.store.otlp import HistogramSample, MalformedError, Sample, decode_metrics, decode_spans

__all__ = ("read_runs",)

_Key = tuple[str, str, Process, tuple[tuple[str, Value], ...]]


def read_runs(directories: Iterable[Path], *, spans: bool = True) -> Recording:
    """Return everything that the files of these runs hold; without ``spans``, everything else.

    Raises:
        OSError: a file cannot be opened or read.
    """
    reader = _Reader()
    runs = []
    for directory in directories:
        runs.append(Run(directory.name, directory, Manifest.read(directory)))
        for file in signal_files(directory, "traces") if spans else ():
            reader.read_spans(file)
        for file in signal_files(directory, "metrics"):
            reader.read_metrics(file)
    return reader.recording(tuple(runs))


class _Reader:
    """Collects what several files hold."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._samples: dict[_Key, list[Sample]] = {}
        self._histograms: dict[tuple[_Key, tuple[float, ...]], list[HistogramSample]] = {}
        self._passed_over: Counter[str] = Counter()
        self._lines = 0
        self._unreadable: list[Unreadable] = []

    def read_spans(self, file: Path) -> None:
        pid = pid_of(file)
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    self._lines += 1
                    try:
                        self._spans.extend(decode_spans(line, pid=pid))
                    except MalformedError:
                        self._unreadable.append(Unreadable(file, number))

    def read_metrics(self, file: Path) -> None:
        pid = pid_of(file)
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    self._lines += 1
                    try:
                        metrics = decode_metrics(line, pid=pid)
                    except MalformedError:
                        self._unreadable.append(Unreadable(file, number))
                        continue
                    for sample in metrics.samples:
                        self._samples.setdefault(_key(sample), []).append(sample)
                    for histogram in metrics.histograms:
                        self._histograms.setdefault((_key(histogram), histogram.boundaries), []).append(histogram)
                    self._passed_over.update(metrics.passed_over)

    def recording(self, runs: tuple[Run, ...]) -> Recording:
        return Recording(
            runs=runs,
            spans=tuple(self._spans),
            series=tuple(_series(key, samples) for key, samples in self._samples.items()),
            histograms=tuple(
                Histogram(name, unit, process, dict(attributes), boundaries, joined(samples))
                for ((name, unit, process, attributes), boundaries), samples in self._histograms.items()
            ),
            lines=self._lines,
            unreadable=tuple(self._unreadable),
            passed_over=dict(self._passed_over),
        )


def _key(sample: Sample | HistogramSample) -> _Key:
    return sample.name, sample.unit, sample.process, sample.attributes


def _series(key: _Key, samples: Sequence[Sample]) -> Series:
    name, unit, process, attributes = key
    points = [sample.point for sample in samples]
    added_up = running_total(points) if samples[0].delta else tuple(sorted(points, key=lambda point: point.time_ns))
    return Series(name, unit, process, dict(attributes), added_up)
