"""Experiments: there is no room on the disk of the queue."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.pipeline.kills import CALLS, INBOX, alone, settle
from tests.support.pipeline.load import Sender, drive
from tests.support.pipeline.outcome import Outcome
from tests.support.pipeline.payload import Template
from tests.support.pipeline.sink import Sink

HELD = "groundhog_collector_storage_held"


def no_room(disk: Path, folder: Path, *, for_s: float, by_another: bool, killed: bool = False) -> Outcome:
    """The disk of the queue is full: by the queue itself while Jaeger is away, or by another's file while it is there.

    ``disk`` is a small file system of its own. With ``killed`` the Collector is killed while it holds in memory what
    the disk does not take; nothing is under way at that moment.
    """
    sink = Sink()
    with alone(folder, sink, GROUNDHOG_COLLECTOR_STATE=str(disk)) as collector:
        sender, held = Sender(collector.http_port, Template(CALLS)), _Most(lambda: collector.own(HELD))
        slow = sender.tally.slow
        if by_another:
            _fill(disk / "another")
        else:
            sink.leave()
        drive(sender, 60, per_s=30, stop=lambda: collector.own(HELD) > 0)
        on_disk = len(slow) - INBOX * CALLS.slow
        drive(sender, for_s, per_s=30, stop=held.look)
        time.sleep(1)
        held.look()
        up, before, full = collector.alive(), collector.own(HELD), os.statvfs(disk).f_bavail == 0
        during = settle(lambda: len(sink.missing(slow, CALLS.spans))) if by_another else 0
        if killed:
            collector.kill()
        if by_another:
            (disk / "another").unlink()
        if killed:
            collector.start()
        if not by_another:
            sink.come()
        drive(sender, 1, per_s=10)
        sender.close()
        missing = settle(lambda: len(sink.missing(slow, CALLS.spans)), still_s=30 if killed else 20)
        left = settle(lambda: int(collector.own(HELD)))
        lost = set(sink.missing(slow, CALLS.spans))
        counted = int(collector.own("otelcol_exporter_enqueue_failed_spans"))
    sink.leave()
    kept = len(slow) * CALLS.spans
    event = "by another's file, Jaeger there" if by_another else "by the queue itself, Jaeger away"
    of_held = len(lost.intersection(slow[on_disk:])) * CALLS.spans if killed else 0
    bound = (
        f"what is held in memory when it ends, here {before:,.0f} bytes; shown in {HELD}"
        if killed
        else f"GROUNDHOG_QUEUE_BYTES; what the disk does not take is in memory, at most {held.most:,.0f} bytes here"
    )
    found = Outcome(
        f"disk full, {event}{', and the Collector killed' if killed else ''}",
        sender.tally.acknowledged,
        kept,
        kept - missing * CALLS.spans,
        of_held + counted,
        bound,
    )
    bytes_a_span = len(sender.template.fresh()[0]) / sender.template.count
    found.seen.update(up=up, full=full, during=during, held=held.most, left=left)
    found.seen["lost share"] = found.lost * bytes_a_span / max(before, 1)
    return found


class _Most:
    """The most of what was seen."""

    def __init__(self, value: Callable[[], float]) -> None:
        self._value, self.most = value, 0.0

    def look(self) -> bool:
        self.most = max(self.most, self._value())
        return False


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(4096))
        except OSError:
            pass


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path | None]:
    """A file system in memory of a few MiB; None where we may not mount one."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if done.returncode != 0:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
