"""Memory of the traces that wait for their decision."""

from __future__ import annotations

import time
from pathlib import Path

from bench.pipeline.cpu import ONE_CORE
from tests.support.pipeline.collector import Collector
from tests.support.pipeline.load import Sender
from tests.support.pipeline.payload import Shape, Template
from tests.support.pipeline.sink import Sink

_LIVE = "otelcol_processor_tail_sampling_sampling_traces_on_memory"
STEPS = (10_000, 20_000, 30_000, 40_000)
HEAD = ("| undecided traces | resident, MiB | above none, MiB | per 10,000 |", "|---|---:|---:|---:|")


def rows(folder: Path, spans: int) -> list[str]:
    """Return resident memory with ever more live traces of so many spans; no trace is decided meanwhile."""
    sink = Sink()
    environment = {**ONE_CORE, "GROUNDHOG_DECISION_WAIT": "300s", "GROUNDHOG_TRACES_HELD": "200000"}
    collector = Collector(folder, jaeger_port=sink.port, environment=environment)
    collector.start()
    found = []
    try:
        time.sleep(2)
        none = collector.rss_bytes()
        shape = Shape(traces=100, slow=0, spans=spans, root=False)
        sender = Sender(collector.http_port, Template(shape))
        for step in STEPS:
            while sender.tally.acknowledged < step * spans:
                sender.send()
                time.sleep(0.02)  # gently: memory in flight is not what is asked for
            time.sleep(5)
            live, resident = collector.own(_LIVE), collector.rss_bytes()
            above = (resident - none) / 2**20
            found.append(
                f"| {live:,.0f} of {spans} spans | {resident / 2**20:.0f} | {above:.0f} | {above / live * 1e4:.0f} |"
            )
        sender.close()
    finally:
        collector.stop()
        sink.leave()
    return found
