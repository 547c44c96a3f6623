"""Rows of data for scenarios: CSV with a heading, or JSON Lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundhog_otel.load.errors import LoadError

__all__ = ("rows",)


def rows(file: str | Path) -> tuple[Mapping[str, Any], ...]:
    """Return the rows of a file: of ``.csv`` by their headings, all of them text; of ``.jsonl`` one object a line.

    Raises:
        LoadError: there is no such file, or it is neither, or broken; with the line.
    """
    path = Path(file)
    readers = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise LoadError(f"{path} is no data file: give a .csv with a heading, or a .jsonl with an object a line")
    try:
        found = reader(path, path.read_text("utf-8-sig"))
    except OSError as error:
        raise LoadError(f"The data file {path} cannot be read ({error.strerror}): correct its name") from error
    except UnicodeDecodeError as error:
        raise LoadError(f"{path} is no text in UTF-8: save it as such") from error
    if not found:
        raise LoadError(f"{path} has no rows: add one, or leave the data away")
    return found


def _csv(path: Path, text: str) -> tuple[Mapping[str, Any], ...]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    headings = [(name or "").strip() for name in reader.fieldnames or ()]
    if len(set(headings)) < len(headings) or not all(headings):
        raise LoadError(f"{path}:1: a heading is empty or twice there: give each column a name of its own")
    reader.fieldnames = headings
    found = []
    try:
        for row in reader:
            if None in row or None in row.values():
                raise LoadError(f"{path}:{reader.line_num}: the row has not {len(headings)} columns: mend it")
            found.append(row)
    except csv.Error as error:
        raise LoadError(f"{path}:{reader.line_num}: this is no CSV ({error}): mend it") from error
    return tuple(found)


def _jsonl(path: Path, text: str) -> tuple[Mapping[str, Any], ...]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise LoadError(f"{path}:{number}: this is no JSON ({error}): mend it") from error
        if not isinstance(row, dict):
            raise LoadError(f'{path}:{number}: this is no object: write one like {{"name": "Ada"}}')
        found.append(row)
    return tuple(found)
