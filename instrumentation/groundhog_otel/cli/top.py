"""``groundhog top``: the operations of a process, live."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from groundhog_otel.monitor.frame import Order, Screen, draw
from groundhog_otel.monitor.sources import open_source
from groundhog_otel.settings import store_directory, variable
from groundhog_otel.store.selection import LATEST

__all__ = ("top",)

_PIPED_WIDTH = 120


def top(
    what: str | None = None,
    /,
    *,
    run: str = LATEST,
    interval: Annotated[float, Parameter(validator=validators.Number(gte=0.1))] = 1.0,
    window: Annotated[float, Parameter(validator=validators.Number(gte=5))] = 60.0,
    sort: Order = "budget",
    once: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Show the operations of a process, live: calls per second, latency against budget, errors, what is under way.

    In the terminal: q quits, s sorts by the next column. Elsewhere, as in a pipe, it prints once.

    Parameters
    ----------
    what
        A process' number, the address where it answers, or a folder of recordings; by default the latest run in
        $GROUNDHOG_DIR, or .groundhog in this folder.
    run
        Of a folder: latest, or the name of a run.
    interval
        Seconds between two looks.
    window
        Seconds that are looked back on, in a folder; a process decides itself.
    sort
        By how much of its budget an operation uses, by calls, errors, p99, or name.
    once
        Print once, in a terminal, too.
    """
    source = open_source(what, Path(store_directory()), run=run, window_s=window)
    if once or not sys.stdout.isatty():
        found = source.look()
        width = shutil.get_terminal_size((_PIPED_WIDTH, 0)).columns
        print("\n".join(draw(found, Screen(width=width, order=sort))))
        return 0
    from groundhog_otel.monitor.terminal import show  # noqa: PLC0415 - terminals of Unix only

    return show(source, interval_s=interval, order=sort, colour=not variable("NO_COLOR"))
