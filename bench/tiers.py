"""What a span costs each tier: CPU time of the balancers, of the samplers, and of one Collector that does all of it.

``python -m bench.tiers [--rounds N]`` prints a markdown table. The same encoded spans (fresh ids in each round) go at
the same pace to either; both are well below what they can take, and CPU time is read, so that a busy machine shifts the
numbers less than it would shift a rate. What a Collector uses without spans is measured before and taken off.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from statistics import median

import psutil
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.spans import FAST_S, SLOW_S, call, request_of
from tests.e2e.tiers import Collector, two_tiers
from tests.support.otlp import receiving

REQUESTS, TRACES_IN_ONE, SPANS_IN_ONE = 300, 100, 3
SLOW_SHARE = 0.03
PACE_S = 0.03
"""Between requests: some 10,000 spans a second."""
IDLE_S = 4.0
ENVIRONMENT = {"GROUNDHOG_ROOT_WAIT": "1s", "GROUNDHOG_DECISION_WAIT": "3s"}


def _bodies() -> list[bytes]:
    return [
        request_of(
            span
            for _ in range(TRACES_IN_ONE)
            for span in _trace(os.urandom(16), SLOW_S if random.random() < SLOW_SHARE else FAST_S)
        ).SerializeToString()
        for _ in range(REQUESTS)
    ]


def _trace(trace_id: bytes, duration_s: float) -> Sequence[Span]:
    return [call(trace_id, duration_s=duration_s, root=number == 0) for number in range(SPANS_IN_ONE)]


def _cpu_s(collectors: Sequence[Collector]) -> float:
    found = [psutil.Process(one.running.pid).cpu_times() for one in collectors if one.running is not None]
    return sum(one.user + one.system for one in found)


def _decided(collectors: Sequence[Collector]) -> float:
    name = "otelcol_processor_tail_sampling_global_count_traces_sampled"
    return sum(sum(one.values(name)) for one in collectors)


def _microseconds_a_span(
    entries: Sequence[Collector], deciders: Sequence[Collector], groups: Sequence[Sequence[Collector]]
) -> list[float]:
    """Send everything and wait until it is decided; return what each group has used for it."""
    bodies = _bodies()
    time.sleep(1)
    before = [_cpu_s(group) for group in groups]
    time.sleep(IDLE_S)
    begin = [_cpu_s(group) for group in groups]
    idle = [(end - start) / IDLE_S for start, end in zip(before, begin, strict=True)]
    started = time.monotonic()
    connections = [http.client.HTTPConnection("127.0.0.1", one.ports["otlp_http"], timeout=30) for one in entries]
    for connection, body in zip(cycle(connections), bodies, strict=False):
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"refused with {answer.status}: the pace is too high for this machine")
        time.sleep(PACE_S)
    while _decided(deciders) < REQUESTS * TRACES_IN_ONE:
        time.sleep(0.2)
    seconds = time.monotonic() - started
    spans = REQUESTS * TRACES_IN_ONE * SPANS_IN_ONE
    return [
        (_cpu_s(group) - start - of_idle * seconds) / spans * 1e6
        for group, start, of_idle in zip(groups, begin, idle, strict=True)
    ]


def _round(program: Path, settings: StackSettings) -> dict[str, float]:
    found = {}
    with ExitStack() as opened:
        own = settings._replace(state=Path(opened.enter_context(tempfile.TemporaryDirectory())))
        sink = opened.enter_context(receiving())
        alone = Collector("alone", program, own, [], {**ENVIRONMENT, "GROUNDHOG_JAEGER_OTLP": sink.grpc})
        alone.start()
        opened.callback(alone.stop)
        (found["one Collector, everything"],) = _microseconds_a_span([alone], [alone], [[alone]])
    with ExitStack() as opened:
        own = settings._replace(state=Path(opened.enter_context(tempfile.TemporaryDirectory())))
        sinks = [opened.enter_context(receiving()) for _ in range(3)]
        tiers = opened.enter_context(
            two_tiers(program, own, sinks=[one.grpc for one in sinks], environment=ENVIRONMENT)
        )
        found["2 balancers"], found["3 samplers"] = _microseconds_a_span(
            tiers.balancers, tiers.samplers, [tiers.balancers, tiers.samplers]
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    settings, _ = StackSettings.from_environ()
    program = Stack(settings, say=print).build()["groundhog-collector"]
    found = [_round(program, settings) for _ in range(rounds)]
    size = len(_bodies()[0]) / TRACES_IN_ONE / SPANS_IN_ONE
    print(f"\n{rounds} rounds of {REQUESTS * TRACES_IN_ONE * SPANS_IN_ONE} spans, {size:.0f} bytes a span as sent")
    print("\n| who | µs of CPU a span, median | least | most |\n|---|---|---|---|")
    for name in found[0]:
        values = [one[name] for one in found]
        print(f"| {name} | {median(values):.1f} | {min(values):.1f} | {max(values):.1f} |")


if __name__ == "__main__":
    main()
