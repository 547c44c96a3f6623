"""The spans of recorded runs in an embedded analytical engine: more of them than Python would want to hold.

DuckDB keeps them in a file of its own, in a temporary folder: the memory that it takes is bounded, and a question reads
the columns that it is about. Its answers are those of :mod:`groundhog_otel.store.reader` on the same files.
"""

# ruff: noqa: S608 - nothing of a user's is part of a statement

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from groundhog_otel.store.layout import signal_files
from groundhog_otel.store.model import Process, Recording, Span, Trace, Unreadable
from groundhog_otel.store.otlp import events_of
from groundhog_otel.store.otlp_json import attributes_of
from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.spans_sql import COLUMNS
from groundhog_otel.store.spans_table import SpansTable
from groundhog_otel.store.totals import OperationTotals, TraceTotals

__all__ = ("Engine",)

_MEMORY_BYTES: Final = 1 << 30
_OPERATION: Final = "kind IN ('client', 'server') AND method <> ''"
_DURATION_NS: Final = "CASE WHEN end_ns > start_ns THEN end_ns - start_ns ELSE 0 END"
_RANK: Final = "durations[(len(durations) * {percent} + 99) // 100]"  # whole numbers: exact

_TOTALS: Final = f"""
WITH grouped AS (
  SELECT service, kind, name, method, list_sort(list({_DURATION_NS})) AS durations FROM spans WHERE {_OPERATION}
  GROUP BY ALL
)
SELECT service, kind, name, method, len(durations), {", ".join(_RANK.format(percent=one) for one in (50, 90, 99, 100))}
FROM grouped ORDER BY ALL
"""
_ERRORS: Final = f"""
SELECT service, kind, name, method, coalesce(error_type, 'error') AS error, count(*) AS times FROM spans
WHERE {_OPERATION} AND (error_type IS NOT NULL OR status = 'error') GROUP BY ALL ORDER BY times DESC, error
"""
_SLOWEST: Final = """
SELECT trace_id, count(*), min(start_ns), greatest(max(end_ns), min(start_ns)) - min(start_ns) AS duration FROM spans
GROUP BY trace_id ORDER BY duration DESC, trace_id LIMIT ?
"""
_CANDIDATES: Final = f"""
WITH ranked AS (
  SELECT trace_id, row_number() OVER (
    PARTITION BY service, kind, name, method ORDER BY {_DURATION_NS} DESC, trace_id
  ) AS place FROM spans WHERE {_OPERATION}
), slow AS (
  SELECT trace_id, min(place) AS place FROM ranked WHERE place <= ? GROUP BY trace_id
)
SELECT trace_id, count(*) FROM spans LEFT JOIN slow USING (trace_id)
GROUP BY trace_id ORDER BY min(place) NULLS LAST, md5(trace_id), trace_id
"""


class Engine:
    """A table ``spans`` of recorded runs, and what is asked of it. Close it, or use it in ``with``.

    Its columns are those of :data:`groundhog_otel.store.spans_sql.COLUMNS`.
    """

    def __init__(self, directories: Iterable[Path], *, memory_bytes: int = _MEMORY_BYTES) -> None:
        """Load the spans of the runs in ``directories``. ``memory_bytes`` is what the engine may use for tables.

        Raises:
            StoreError: the engine is not installed.
            OSError: a file cannot be opened or read.
        """
        self._directories = tuple(directories)
        self._table = SpansTable(memory_bytes=memory_bytes)
        try:
            for directory in self._directories:
                for file in signal_files(directory, "traces"):
                    self._table.add(file)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Engine:  # noqa: PYI034 - Self is not in Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give everything back; nothing can be asked any more."""
        self._table.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the answer to a query of one's own, in DuckDB's SQL; ``?`` stands for a parameter."""
        return self._table.rows(sql, parameters)

    @property
    def lines(self) -> int:
        """How many lines of spans were read, unreadable ones included; blank ones not."""
        return self._table.lines

    @property
    def decoded_lines(self) -> int:
        """Of them, those that are not as exporters write them, and were left to the slower reader."""
        return self._table.decoded_lines

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """Lines that were cut off, or are not OTLP JSON, and were left out."""
        return tuple(self._table.unreadable)

    @property
    def spans(self) -> int:
        """How many spans there are."""
        return int(self.rows("SELECT count(*) FROM spans")[0][0])

    @property
    def traces_count(self) -> int:
        """How many traces they belong to."""
        return int(self.rows("SELECT count(DISTINCT trace_id) FROM spans")[0][0])

    def operations(self) -> tuple[OperationTotals, ...]:
        """Return all MCP operations, grouped, with exact percentiles."""
        errors: dict[tuple[str, ...], list[tuple[str, int]]] = {}
        for *group, error, times in self.rows(_ERRORS):
            errors.setdefault(tuple(group), []).append((error, times))
        found = []
        for service, side, name, method, count, *ranks_ns in self.rows(_TOTALS):
            of_group = tuple(errors.get((service, side, name, method), ()))
            p50_s, p90_s, p99_s, max_s = (rank_ns / 1e9 for rank_ns in ranks_ns)
            found.append(OperationTotals(service, side, name, method, count, p50_s, p90_s, p99_s, max_s, of_group))
        return tuple(found)

    def slowest(self, limit: int = 10) -> tuple[TraceTotals, ...]:
        """Return the traces that took longest."""
        return tuple(
            TraceTotals(trace_id, count, start_ns, duration_ns / 1e9)
            for trace_id, count, start_ns, duration_ns in self.rows(_SLOWEST, [limit])
        )

    def traces(self, trace_ids: Iterable[str]) -> tuple[Trace, ...]:
        """Return those of the traces that there are, each whole, in the order in which they began."""
        return self._recording(trace_ids).traces()

    def sample(self, *, spans: int = 50_000, slowest: int = 5) -> Recording:
        """Return whole traces of about that many spans in all, with everything else that the runs have recorded.

        First those with the ``slowest`` of each operation, then others by a hash of their ids: the same recording gives
        the same sample, and another recording of the same traces gives the same traces. A trace that no longer fits is
        left out; the first one never is.
        """
        chosen: list[str] = []
        left = spans
        for trace_id, count in self.rows(_CANDIDATES, [slowest]):
            if count <= left or not chosen:
                chosen.append(trace_id)
                left -= count
        return self._recording(chosen)

    def _recording(self, trace_ids: Iterable[str]) -> Recording:
        rows = self.rows(
            f"SELECT {', '.join(COLUMNS)} FROM spans WHERE trace_id IN (SELECT unnest(?)) "
            "ORDER BY start_ns, end_ns DESC, trace_id, span_id",
            [[one.lower() for one in trace_ids]],
        )
        rest = read_runs(self._directories, spans=False)
        return replace(
            rest,
            spans=tuple(_span(dict(zip(COLUMNS, row, strict=True))) for row in rows),
            lines=self.lines + rest.lines,
            unreadable=(*self.unreadable, *rest.unreadable),
        )


def _span(row: Mapping[str, Any]) -> Span:
    source = {key: json.loads(row[key]) if row[key] else None for key in ("attributes", "events")}
    return Span(
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        parent_id=row["parent_id"],
        name=row["name"],
        kind=row["kind"],
        start_ns=row["start_ns"],
        end_ns=row["end_ns"],
        process=Process(row["service"], row["pid"]),
        scope=row["scope"],
        status=row["status"],
        attributes=attributes_of(source),
        events=events_of(source),
    )
