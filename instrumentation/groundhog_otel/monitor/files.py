"""The monitor's lines in the folder of recordings: ``<service>-<pid>.monitor.jsonl``, 32 MB a process at most."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

from groundhog_otel.monitor.metrics import CollectedMetrics
from groundhog_otel.settings import run_id, store_directory
from groundhog_otel.store.layout import monitor_file, own_run_id, prepare

__all__ = ("MetricFile",)

_LIMIT_BYTES: Final = 16 * 1024 * 1024


class MetricFile:
    """One line of JSON for each collection. A full file is set aside, in place of the one set aside before it."""

    def __init__(self, store: Path | None = None, *, limit_bytes: int = _LIMIT_BYTES) -> None:
        """``store`` is the folder of recordings; by default the one that the environment tells."""
        self._store = store
        self._limit_bytes = limit_bytes

    def append(self, metrics: CollectedMetrics) -> Path:
        """Write a line, and return the file that has it.

        Raises:
            OSError: it cannot be written.
        """
        store = (self._store or Path(store_directory())).absolute()
        run = prepare(store, run_id() or own_run_id())
        file = monitor_file(run, service=metrics.service, pid=os.getpid())
        line = (json.dumps(metrics.as_json(), separators=(",", ":")) + "\n").encode()
        with file.open("ab") as lines:
            if lines.tell() + len(line) <= self._limit_bytes or not lines.tell():
                lines.write(line)
                return file
        file.replace(file.with_suffix(".old.jsonl"))
        file.write_bytes(line)
        return file
