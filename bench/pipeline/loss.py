"""The experiments of what is lost, in their long form: the table of docs/loss.md."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from tests.support.pipeline import full_disk, hardship, kills
from tests.support.pipeline.outcome import COLUMNS, Outcome


def experiments(folder: Path) -> Iterator[Callable[[], Outcome]]:
    """Yield what is to be run, each with a folder of its own."""
    places = (folder / f"experiment-{number}" for number in range(100))
    for jaeger in (True, False):
        yield partial(kills.killed, next(places), kills=10, under_load=True, jaeger=jaeger)
    yield partial(kills.killed, next(places), kills=10, under_load=False, jaeger=False)
    yield partial(kills.jaeger_away, next(places), for_s=60)
    yield partial(kills.queue_full, next(places), for_s=10)
    for by_another, killed in ((False, False), (True, False), (False, True)):
        yield partial(_disk, next(places), by_another=by_another, killed=killed)
    yield partial(hardship.overloaded, next(places), for_s=60, wait_s=60)
    yield partial(kills.undecided, next(places), for_s=20, wait_s=10, per_s=10)
    yield partial(kills.overflowing, next(places), for_s=10, live=1000)


def _disk(folder: Path, *, by_another: bool, killed: bool) -> Outcome:
    folder.mkdir()
    with full_disk.small_disk(folder / "disk", 8) as disk:
        if disk is None:
            return Outcome("disk full: not run, no small file system may be mounted here", 0, 0, 0)
        return full_disk.no_room(disk, folder / "state", for_s=10, by_another=by_another, killed=killed)


def table(folder: Path, note: str) -> Iterator[str]:
    """Yield the lines of the table; each experiment runs when its line is asked for."""
    yield (
        f"Made on {datetime.now(timezone.utc):%Y-%m-%d} by `python -m bench.pipeline --loss --write`: "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores. {note}".strip()
    )
    yield ""
    yield f"| {' | '.join(COLUMNS)} |"
    yield f"|---|{'---:|' * (len(COLUMNS) - 2)}---|"
    for experiment in experiments(folder):
        found = experiment()
        print(found, file=sys.stderr, flush=True)
        yield found.row()
    yield ""
