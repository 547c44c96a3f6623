"""Results as files: JSON, the same for a whole test, a worker's part of one, and a baseline of last month."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.histograms import decoded
from groundhog_otel.load.result import LoadResult, OperationResult, Request, SelfCheck, Window
from groundhog_otel.load.session import ServerFacts

__all__ = ("FORMAT", "dumps", "loads", "read_lines", "read_result", "write_result")

FORMAT: Final = 1
_BEGINNING: Final = '{"format": '


def dumps(result: LoadResult) -> str:
    """Return a result as text."""
    return json.dumps({"format": FORMAT, "kind": "groundhog.load", **asdict(result)})


def loads(text: str, source: str = "the text") -> LoadResult:
    """Return the result that a text holds. ``source`` is what an error calls it.

    Raises:
        LoadError: it holds none, or one of a newer version.
    """
    try:
        found = json.loads(text)
    except ValueError:
        raise LoadError(f"{source} is not JSON. Give the file that --out has written.") from None
    if not isinstance(found, dict) or found.pop("kind", None) != "groundhog.load":
        raise LoadError(f"{source} is no result of a load test. Give the file that --out has written.")
    version = found.pop("format", None)
    if version != FORMAT:
        raise LoadError(
            f"{source} has format {version}, and this groundhog reads {FORMAT}: install the one that wrote it."
        )
    try:
        return _result(found)
    except LoadError as error:
        raise LoadError(f"{source}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LoadError(f"{source} is damaged: {error!r}. Run the test again.") from None


def read_lines(lines: Iterable[str]) -> list[LoadResult]:
    """Return the results that are lines of a log, whatever else is in it, and whatever a line begins with.

    Raises:
        LoadError: there is none, or one is not whole.
    """
    found = []
    for number, line in enumerate(lines, 1):
        beginning = line.find(_BEGINNING)
        if beginning >= 0:
            found.append(loads(line[beginning:], f"line {number}"))
    if not found:
        raise LoadError(
            "There is no result in the lines. Workers write theirs with --out -, and kubectl logs shows ten lines of"
            " each pod unless told --tail=-1."
        )
    return found


def read_result(file: Path) -> LoadResult:
    """Return the result in a file.

    Raises:
        LoadError: there is no such file, or no result in it.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LoadError(f"{file} cannot be read: {error}") from None
    return loads(text, str(file))


def write_result(result: LoadResult, file: Path) -> None:
    """Write a result to a file, whole or not at all.

    Raises:
        LoadError: the file cannot be written.
    """
    beside = file.with_name(f"{file.name}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(dumps(result), encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        raise LoadError(f"{file} cannot be written: {error}") from None


def _result(found: Mapping[str, Any]) -> LoadResult:
    server = found["server"]
    made = LoadResult(
        **{
            **found,
            "server": None if server is None else ServerFacts(**server),
            "operations": tuple(OperationResult(**one) for one in found["operations"]),
            "windows": tuple(Window(**one) for one in found["windows"]),
            "self_checks": tuple(SelfCheck(**one) for one in found["self_checks"]),
            "slowest": tuple(Request(**one) for one in found["slowest"]),
            "sample": tuple(Request(**one) for one in found["sample"]),
        }
    )
    for operation in made.operations:
        if decoded(operation.response).get_total_count() != operation.count:
            raise LoadError(f"{operation.name} has another number of latencies than of requests. Run the test again.")
    return made
