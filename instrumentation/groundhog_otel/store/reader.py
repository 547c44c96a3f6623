"""Reads runs back, line by line: what cannot be read costs one line, and is counted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from groundhog_otel.store.layout import pid_of, signal_files
from groundhog_otel.store.manifest import Manifest
from groundhog_otel.store.model import Point, Process, Recording, Run, Series, Span, Unreadable, Value
from groundhog_otel.store.otlp import MalformedError, decode_metrics, decode_spans

__all__ = ("read_runs",)

_Key = tuple[str, str, Process, tuple[tuple[str, Value], ...]]


def read_runs(directories: Iterable[Path]) -> Recording:
    """Return everything that the files of these runs hold.

    Raises:
        OSError: a file cannot be opened or read.
    """
    reader = _Reader()
    runs = []
    for directory in directories:
        runs.append(Run(directory.name, directory, Manifest.read(directory)))
        for file in signal_files(directory, "traces"):
            reader.read_spans(file)
        for file in signal_files(directory, "metrics"):
            reader.read_metrics(file)
    return reader.recording(tuple(runs))


class _Reader:
    """Collects what several files hold."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._points: dict[_Key, list[Point]] = {}
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
                        samples = decode_metrics(line, pid=pid)
                    except MalformedError:
                        self._unreadable.append(Unreadable(file, number))
                        continue
                    for name, unit, process, attributes, point in samples:
                        self._points.setdefault((name, unit, process, attributes), []).append(point)

    def recording(self, runs: tuple[Run, ...]) -> Recording:
        return Recording(
            runs=runs,
            spans=tuple(self._spans),
            series=tuple(
                Series(name, unit, process, dict(attributes), tuple(sorted(points, key=lambda point: point.time_ns)))
                for (name, unit, process, attributes), points in self._points.items()
            ),
            lines=self._lines,
            unreadable=tuple(self._unreadable),
        )
