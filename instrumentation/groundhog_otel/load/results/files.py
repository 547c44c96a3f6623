"""Results as files: JSON that says which version of it it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.results.result import LoadResult

__all__ = ("FORMAT", "VERSION", "dumps", "line_of", "loads", "read", "read_lines", "write")

FORMAT: Final = "groundhog-load-result"
VERSION: Final = 1
_BEGINNING: Final = f'{{"format": "{FORMAT}"'


def dumps(result: LoadResult) -> str:
    """Return a result as JSON, on several lines."""
    return json.dumps({"format": FORMAT, "version": VERSION, **asdict(result)}, indent=1) + "\n"


def line_of(result: LoadResult) -> str:
    """Return a result as JSON on one line, without its end: for logs, which :func:`read_lines` reads."""
    return json.dumps({"format": FORMAT, "version": VERSION, **asdict(result)})


def loads(text: str | bytes) -> LoadResult:
    """Return the result that ``dumps`` has written. Fields that this release does not know are left out.

    Raises:
        LoadError: it is something else, or of a later version.
    """
    try:
        raw: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LoadError(f"this is no result of a load test: {error}") from None
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise LoadError("this is no result of a load test: groundhog load --out writes them")
    if raw.get("version") != VERSION:
        raise LoadError(
            f"this result has version {raw.get('version')!r} and this release reads {VERSION}: use the release that "
            "wrote it"
        )
    try:
        found: LoadResult = _made(LoadResult, raw, "")
    except _WrongError as wrong:
        raise LoadError(f"this result of a load test is damaged: {wrong}") from None
    return found


def read(file: Path) -> LoadResult:
    """Return the result in a file.

    Raises:
        LoadError: it cannot be read, or holds none.
    """
    try:
        return loads(file.read_bytes())
    except OSError as error:
        raise LoadError(f"Cannot read {file} ({error.strerror})") from None
    except UnicodeDecodeError:
        raise LoadError(f"{file}: this is no result of a load test: it is no text") from None
    except LoadError as error:
        raise LoadError(f"{file}: {error}") from None


def read_lines(lines: Iterable[str]) -> list[LoadResult]:
    """Return the results among the lines of a log, whatever else is in it and whatever a line begins with.

    Raises:
        LoadError: there is none, or one is not whole.
    """
    found = []
    for number, line in enumerate(lines, 1):
        at = line.find(_BEGINNING)
        if at >= 0:
            try:
                found.append(loads(line[at:]))
            except LoadError as error:
                raise LoadError(f"line {number}: {error}") from None
    if not found:
        raise LoadError(
            "There is nothing to merge: name the files of at least one result, or have logs with the lines of --out -"
            " on standard input (of kubectl logs, with --tail=-1)"
        )
    return found


def write(result: LoadResult, file: Path) -> None:
    """Write a result to a file, whole or not at all.

    Raises:
        LoadError: it cannot be written.
    """
    draft = file.with_name(f"{file.name}.tmp")
    try:
        draft.write_text(dumps(result), encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise LoadError(f"Cannot write {file} ({error.strerror}): name another with --out") from None


class _WrongError(Exception):
    """Something is not of the type that it is to be of."""


def _made(kind: Any, raw: Any, where: str) -> Any:
    """Return ``raw``, of JSON, as a value of a type."""
    origin = get_origin(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, raw, where)
    if origin in (Union, UnionType):
        if raw is None and type(None) in get_args(kind):
            return None
        return _made(next(one for one in get_args(kind) if one is not type(None)), raw, where)
    if origin is tuple and isinstance(raw, list):
        return tuple(_made(get_args(kind)[0], one, f"{where}[{index}]") for index, one in enumerate(raw))
    if origin is Mapping and isinstance(raw, dict):
        return {key: _made(get_args(kind)[1], one, f"{where}.{key}") for key, one in raw.items()}
    return raw if kind is Any else _plain(kind, raw, where)


def _plain(kind: Any, raw: Any, where: str) -> Any:
    # To JSON, 1.0 may be 1; to Python, True is one.
    if kind is float and type(raw) is int:
        return float(raw)
    if type(raw) is kind:
        return raw
    raise _WrongError(f"{where} is {raw!r:.60}")


def _dataclass(kind: type, raw: Any, where: str) -> Any:
    if not isinstance(raw, dict):
        raise _WrongError(f"{where or 'it'} is {raw!r:.60}")
    types = get_type_hints(kind)
    values = {}
    for field in fields(kind):
        if field.name in raw:
            values[field.name] = _made(types[field.name], raw[field.name], f"{where}.{field.name}".lstrip("."))
    try:
        return kind(**values)
    except TypeError as error:
        raise _WrongError(f"{where or 'it'}: {error}") from None
