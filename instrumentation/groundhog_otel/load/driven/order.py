"""What the process is told before it begins, and what is said between it and whoever drives it afterwards."""

from __future__ import annotations

from asyncio import StreamReader
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from groundhog_otel.load.engine.messages import packed, unpacked
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
    refusal = "The server or its scenarios cannot be handed to another process"
    return packed(order, refusal, "give a URL or a command, and scenarios of plain data")


async def read_order(reader: StreamReader) -> Order:
    """Return the order that was written.

    Raises:
        LoadError: something of it is not to be found in this process.
        EOFError: there is none.
    """
    refusal = "The scenarios cannot be handed to another process"
    order: Order = await unpacked(reader, refusal, "make them of plain data")
    return order
