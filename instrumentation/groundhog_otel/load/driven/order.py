"""What the process is told before it begins, and the lines that are spoken with it afterwards."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import LoadTestConfig, Scenario

__all__ = ("MODULE", "Order", "read_order", "written")

MODULE: Final = "groundhog_otel.load.driven.process"
"""``python -m`` this. It reads an order, then a JSON list a line from standard input, and writes such lines.

====================================  ================================================================
it is told                            it tells
====================================  ================================================================
(the order)                           ``["ready", [notes …]]`` or ``["error", sentence]``
``["open", user, kind]``              ``["opened", user, null]``, or the sentence that says why not
``["go", user, due_ns]``              ``["request", operation, response_s, error]`` for each, ``["over", user]``
``["leave", user]``                   what is under way is finished, and told as above
``["drain"]``                         ``["drained"]`` once nothing is under way
``["end"]``                           ``["ended", requests]`` once the file is written
====================================  ================================================================

When its standard input ends, whoever started it has gone: it writes the file all the same.
"""
_LENGTH_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Order:
    """A worker's part of a test that somebody else drives."""

    server: Any
    """As :func:`groundhog_otel.load.targets.target_for` takes it, and ``options`` as well."""
    options: Mapping[str, Any]
    kinds: tuple[tuple[Scenario, ...] | str, ...]
    """For each kind of user, the scenarios, or the file that they are in; none for those of the tools."""
    config: LoadTestConfig
    run_id: str
    telemetry: str | None
    worker: int
    file: Path
    """For the result."""


def written(order: Order) -> bytes:
    """Return an order as bytes.

    Raises:
        LoadError: it cannot be told to another process.
    """
    try:
        work = pickle.dumps(order)
    except Exception as error:
        raise LoadError(
            f"This server cannot be tested from another process ({error}): give its URL or command, and scenarios of"
            " plain data."
        ) from None
    return len(work).to_bytes(_LENGTH_BYTES, "big") + work


def read_order(stream: IO[bytes]) -> Order:
    """Return the order that is next in a stream."""
    order: Order = pickle.loads(stream.read(int.from_bytes(stream.read(_LENGTH_BYTES), "big")))  # noqa: S301 - our own
    return order
