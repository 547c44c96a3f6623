"""The table that spans of recorded files are loaded into, in a database of DuckDB's in a temporary folder."""

# ruff: noqa: S608 - nothing of a user's is part of a statement

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from groundhog_otel.semconv import ERROR_TYPE, GEN_AI_TOOL_NAME, MCP_METHOD_NAME
from groundhog_otel.store import StoreError
from groundhog_otel.store.layout import pid_of
from groundhog_otel.store.model import Span, Unreadable
from groundhog_otel.store.otlp import MalformedError, spans_and_sources
from groundhog_otel.store.otlp_json import parse
from groundhog_otel.store.spans_sql import COLUMNS, INSERT_DECODED, INSERT_LINES, NUMBERED_LINES, TABLE

if TYPE_CHECKING:
    import duckdb

__all__ = ("SpansTable",)

_LONGEST: Final = 1 << 24
"""Bytes of a line that DuckDB is ready for anyway."""
_ODD_LINES: Final = "SELECT DISTINCT line FROM spans WHERE file = $file AND NOT plain"
_DELETE_ODD: Final = f"DELETE FROM spans WHERE file = $file AND line IN ({_ODD_LINES})"


class SpansTable:
    """The table ``spans``, with the columns of :data:`groundhog_otel.store.spans_sql.COLUMNS`."""

    def __init__(self, *, memory_bytes: int) -> None:
        """Make the table. ``memory_bytes`` is what the engine may use for it; the rest is on disk.

        Raises:
            StoreError: the engine is not installed.
        """
        self.unreadable: list[Unreadable] = []
        """Lines that were cut off, or are not OTLP JSON, and were left out."""
        self.lines = 0
        """Lines that were read, unreadable ones included; blank ones not."""
        self.decoded_lines = 0
        """Of them, those that are not as exporters write them, and were left to the slower reader."""
        self._files = 0
        with ExitStack() as resources:
            self._folder = Path(resources.enter_context(TemporaryDirectory(prefix="groundhog-")))
            self._database = resources.enter_context(_database(self._folder, memory_bytes))
            self._database.execute("SET enable_progress_bar = false")  # it would go to standard output
            self._database.execute(TABLE)
            self._resources = resources.pop_all()

    def close(self) -> None:
        """Give everything back; nothing can be asked any more."""
        self._resources.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the answer to a query; ``?`` stands for a parameter."""
        return self._database.execute(sql, list(parameters)).fetchall()

    def add(self, file: Path) -> None:
        """Load the spans of a file.

        Raises:
            OSError: it cannot be opened or read.
            StoreError: the engine has not enough memory or disk for it.
        """
        from duckdb import Error  # noqa: PLC0415 - it is there, or there would be no table

        try:
            self._add(file)
        except Error as error:
            reason = str(error).splitlines()[0]
            raise StoreError(
                f"the engine cannot load {file} ({reason}): give it more memory_bytes, or TMPDIR room"
            ) from None

    def _add(self, file: Path) -> None:
        self._files += 1
        lengths = [len(line) for _, line in _lines(file)]
        self.lines += len(lengths)
        if not lengths:
            return
        place = {"path": escape(str(file.absolute())), "longest": max(_LONGEST, *lengths)}
        number = {"file": self._files}
        execute = self._database.execute
        execute(INSERT_LINES, {**place, **number, "pid": pid_of(file)})
        odd = {row[0] for row in execute(_ODD_LINES, number).fetchall()}
        if not odd:
            return
        numbered = execute(NUMBERED_LINES, place).fetchall()
        if len(numbered) == len(lengths):
            again = {at for at, line in numbered if line in odd}
            execute(_DELETE_ODD, number)
        else:  # it has grown meanwhile, or the two have another notion of a line: one of them reads it all
            again = set(range(1, len(lengths) + 1))
            execute("DELETE FROM spans WHERE file = $file", number)
        self._decode(file, again)

    def _decode(self, file: Path, wanted: set[int]) -> None:
        decoded = self._folder / "decoded.jsonl"
        longest = 0
        with decoded.open("wb") as out:
            for place, (at, line) in enumerate(_lines(file), 1):
                if place not in wanted:
                    continue
                self.decoded_lines += 1
                try:
                    spans = list(spans_and_sources(parse(line), pid=pid_of(file)))
                except MalformedError:
                    self.unreadable.append(Unreadable(file, at))
                    continue
                for span, raw in spans:
                    # Half of a character, which Python takes from JSON and nobody else does, becomes a question mark.
                    row = json.dumps(_row(span, raw), ensure_ascii=False).encode(errors="replace") + b"\n"
                    longest = max(longest, out.write(row))
        if longest:
            self._database.execute(
                INSERT_DECODED,
                {"path": escape(str(decoded)), "file": self._files, "longest": max(_LONGEST, longest)},
            )


def _database(folder: Path, memory_bytes: int) -> duckdb.DuckDBPyConnection:
    try:
        import duckdb  # noqa: PLC0415 - of the extra "analysis"
    except ModuleNotFoundError:
        raise StoreError(
            "the engine that reads large recordings is an extra of this package: pip install 'groundhog-otel[analysis]'"
        ) from None
    return duckdb.connect(
        str(folder / "spans.duckdb"),
        config={
            "memory_limit": f"{memory_bytes}B",
            "temp_directory": str(folder / "spilled"),
            # Everything that is needed is built in: nothing is to be looked for on the network.
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, each with its number."""
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.isspace():
                yield number, line


def _row(span: Span, raw: Mapping[str, Any]) -> dict[str, object]:
    def text(key: str) -> str | None:
        value = span.attributes.get(key)
        return value if isinstance(value, str) else None

    error = span.attributes.get(ERROR_TYPE)
    values = (
        span.trace_id, span.span_id, span.parent_id, span.name, span.kind, span.process.service, span.process.pid,
        span.scope, span.start_ns, span.end_ns, span.status, text(MCP_METHOD_NAME), text(GEN_AI_TOOL_NAME),
        None if error is None else str(error), json.dumps(raw.get("attributes")), json.dumps(raw.get("events")),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))
