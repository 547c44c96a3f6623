"""What the process is told before it begins, and what is said between it and whoever drives it afterwards."""

from __future__ import annotations

import json
import pickle
import sys
from asyncio import StreamReader
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from groundhog_otel.load.engine.messages import line
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import LoadTestConfig, Scenario

__all__ = ("MODULE", "Order", "read_order", "written_order")

MODULE: Final = "groundhog_otel.load.driven.process"
"""``python -m`` this. It reads an order, then a line of JSON each, and writes such lines:

===================================  =======================================================================
it is told                           it tells
===================================  =======================================================================
(the order)                          ``{"ready": [notes …]}`` or ``{"failed": sentence}``
``{"open": user, "kind": number}``   ``{"opened": user, "problem": null}``, or the sentence that says why not
``{"go": user, "due_ns": time}``     ``{"request": operation, "response_s": …, "error": null}`` of each request,
                                     ``{"over": user}``
``{"leave": user}``                  what is under way is finished, and told as above
``{"drain": true}``                  ``{"drained": true}`` once nothing is under way
``{"end": true}``                    ``{"ended": requests}`` once the file is written
                                     ``{"gone": sentence}`` when the server has died and stays away
===================================  =======================================================================

When its standard input ends, whoever started it has gone: it writes the file all the same.
"""


@dataclass(frozen=True, slots=True)
class Order:
    """One process's part of a test that somebody else drives."""

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


def written_order(order: Order) -> bytes:
    """Return an order as bytes.

    Raises:
        LoadError: something of it cannot leave this process.
    """
    try:
        body = pickle.dumps(order)
    except Exception as error:  # whatever the objects of others raise
        raise LoadError(
            f"The server or its scenarios cannot be handed to another process ({type(error).__name__}: {error}): give a"
            " URL or a command, and scenarios of plain data"
        ) from None
    return line(size=len(body), path=sys.path) + body


async def read_order(reader: StreamReader) -> Order:
    """Return the order that was written.

    Raises:
        LoadError: something of it is not to be found in this process.
    """
    header = json.loads(await reader.readline())
    sys.path[:] = header["path"]
    body = await reader.readexactly(header["size"])
    try:
        order: Order = pickle.loads(body)  # noqa: S301 - from the process that has started this one
    except Exception as error:
        raise LoadError(
            f"The scenarios cannot be handed to another process ({type(error).__name__}: {error}): make them of plain"
            " data"
        ) from None
    return order
