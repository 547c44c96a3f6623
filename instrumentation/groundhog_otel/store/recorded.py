"""Traces out of recordings: of one run, and of what else was recorded meanwhile in the same folder."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from groundhog_otel.store import StoreError
from groundhog_otel.store.layout import earlier_file, pid_of, run_directories, signal_files
from groundhog_otel.store.model import Span, Trace
from groundhog_otel.store.otlp import MalformedError, decode_spans
from groundhog_otel.store.source import Stored

__all__ = ("Recordings",)

_TRACE_ID: Final = re.compile(rb'"traceId":\s*"([0-9a-fA-F]{32})"')


class Recordings:
    """The files of a run. What they already gave is remembered, so that looking again reads only what is new."""

    def __init__(self, store: Path, run_id: str, *, since_s: float | None = None) -> None:
        """``since_s``, in Unix seconds: look also into other runs that were written to after that."""
        self._store = store
        self._run_id = run_id
        self._since_s = since_s
        self._wanted: frozenset[str] = frozenset()
        self._read: dict[Path, int] = {}
        self._spans: dict[str, list[tuple[Path, Span]]] = {}

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return str(self._store / self._run_id)

    def look(self, trace_ids: Collection[str]) -> Mapping[str, Stored]:
        """Return those of the traces that are there by now; a trace may still grow.

        Raises:
            StoreError: the folder cannot be read.
        """
        if not self._wanted.issuperset(trace_ids):
            self._wanted = frozenset(trace_ids) | self._wanted
            self._read.clear()
            self._spans.clear()
        try:
            files = list(self._files())
            for file in files:
                if file.stat().st_size < self._read.get(file, 0):  # what it had has been put aside
                    self._read[earlier_file(file)] = self._read.pop(file)
            for file in files:
                self._take(file)
        except OSError as error:
            raise StoreError(f"cannot read {self._store} ({error.strerror})") from None
        return {
            trace_id: Stored(Trace(trace_id, tuple(span for _, span in found)), str(found[0][0]))
            for trace_id in trace_ids
            if (found := self._spans.get(trace_id))
        }

    def command(self, trace_id: str) -> str | None:
        """Return what to type to see a trace."""
        runs = {file.parent.name for file, _ in self._spans.get(trace_id, ())}
        run = next(iter(runs)) if len(runs) == 1 else "all"
        return f"groundhog report {shlex.quote(str(self._store))} --run {run} --trace {trace_id}"

    def _files(self) -> Iterable[Path]:
        own = self._store / self._run_id
        others = run_directories(self._store) if self._since_s is not None and self._store.is_dir() else []
        yield from signal_files(own, "traces")
        for run in others:
            if run != own:
                yield from (
                    file for file in signal_files(run, "traces") if file.stat().st_mtime >= (self._since_s or 0)
                )

    def _take(self, file: Path) -> None:
        with file.open("rb") as lines:
            lines.seek(self._read.get(file, 0))
            for line in lines:
                if not line.endswith(b"\n"):  # it is being written
                    break
                self._read[file] = self._read.get(file, 0) + len(line)
                if self._wanted.isdisjoint(found.decode().lower() for found in _TRACE_ID.findall(line)):
                    continue
                try:
                    spans = decode_spans(line, pid=pid_of(file))
                except MalformedError:
                    continue
                for span in spans:
                    if span.trace_id in self._wanted:
                        self._spans.setdefault(span.trace_id, []).append((file, span))
