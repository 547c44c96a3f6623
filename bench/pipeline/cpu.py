"""CPU seconds of the Collector per span: through the whole pipeline, and of the floor."""

from __future__ import annotations

import shutil
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.pipeline.collector import Collector
from tests.support.pipeline.load import Sender, drive
from tests.support.pipeline.payload import Shape, Template
from tests.support.pipeline.sink import Sink

ONE_CORE = {"GOMAXPROCS": "1", "GROUNDHOG_MEMORY_MIB": "4000", "GROUNDHOG_MEMORY_SPIKE_MIB": "800"}
COLLECTOR_CORE, GENERATOR_CORE = "0", {1}
_WARM_UP_S = 2.0


@dataclass(frozen=True)
class Load:
    """What is sent at once, each on a connection of its own: a shape, and requests a second (None for all it takes)."""

    name: str
    of: Sequence[tuple[Shape, float | None]]


FLOOD = Load("as many as it takes", ((Shape(traces=100, slow=3), None),))
ALL_SLOW = Load("as many as it takes, every trace kept", ((Shape(traces=100, slow=100), None),))
TARGET = Load(
    "1,000 commands/s of 3 spans, 5,000 events/s of one span each",
    ((Shape(traces=100, slow=3), 10), (Shape(traces=500, slow=0, spans=1), 10)),
)
AS_EVENTS = Load("1,000 commands/s of 3 spans, with 5 span events each", ((Shape(traces=100, slow=3, events=5), 10),))


@dataclass
class Contender:
    """One program and configuration, and what each round of it found."""

    name: str
    load: Load
    program: Path | None = None
    config: Path | None = None
    per_s: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    us_per_span: list[float] = field(default_factory=list)
    rss_mib: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def run(self, folder: Path, for_s: float) -> None:
        """Start the Collector, load it, and note a round."""
        sink = Sink()
        collector = Collector(
            folder,
            jaeger_port=sink.port,
            environment=ONE_CORE,
            config=self.config,
            program=self.program,
            before=(shutil.which("taskset") or "taskset", "-c", COLLECTOR_CORE),
        )
        collector.start()
        try:
            senders = [(Sender(collector.http_port, Template(shape)), per_s) for shape, per_s in self.load.of]
            for sender, _ in senders:
                drive(sender, _WARM_UP_S / len(senders), per_s=5)
            before, cpu, started = _taken(senders), collector.cpu_s(), time.monotonic()
            threads = [
                threading.Thread(target=drive, args=(sender, for_s), kwargs={"per_s": per_s})
                for sender, per_s in senders
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            took, used = time.monotonic() - started, collector.cpu_s() - cpu
            spans = _taken(senders) - before
            self.per_s.append(spans / took)
            self.share.append(used / took)
            self.us_per_span.append(used / spans * 1e6)
            self.rss_mib.append(collector.rss_bytes(peak=True) / 2**20)
            offered = sum(sender.tally.offered for sender, _ in senders)
            self.refused.append(1 - _taken(senders) / offered)
            for sender, _ in senders:
                sender.close()
        finally:
            collector.stop()
            sink.leave()

    def row(self, floor: Contender | None) -> str:
        """Return the medians over the rounds, and the ratio to the floor's of the same rounds."""
        ratio = ""
        if floor is not None:
            pairs = zip(self.us_per_span, floor.us_per_span, strict=True)
            ratio = f"{statistics.median(one / least for one, least in pairs):.1f}"
        us, share = statistics.median(self.us_per_span), statistics.median(self.share)
        return (
            f"| {self.name} | {self.load.name} | {statistics.median(self.per_s):,.0f} | {share:.1%} | {us:.1f} | "
            f"{1e6 / us:,.0f} | {ratio} | {statistics.median(self.refused):.1%} | {max(self.rss_mib):.0f} |"
        )


HEAD = (
    "| pipeline | load | spans/s taken | of a core | CPU µs per span | spans/core-s | x floor | refused | most MiB |",
    "|---|---|---:|---:|---:|---:|---:|---:|---:|",
)


def _taken(senders: Sequence[tuple[Sender, float | None]]) -> int:
    return sum(sender.tally.acknowledged for sender, _ in senders)
