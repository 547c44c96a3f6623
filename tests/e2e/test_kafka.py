"""Kafka between the tiers. The broker is franz-go's kfake: Kafka's real protocol, in memory, in a process of its own.

What it cannot show is Kafka's own keeping of what it has acknowledged.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from groundhog_otel.pipeline.builds import Module, build_all
from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.conftest import eventually, say
from tests.e2e.spans import SLOW_S, call, new_ids, send
from tests.e2e.tiers import Collector
from tests.support.otlp import Receiver, receiving
from tests.support.processes import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

BROKER = Module("Kafka stand-in", "tests/support/kafka", (("kafka", "."),))
PARTITIONS = 12
DECISIONS = {"GROUNDHOG_ROOT_WAIT": "1s", "GROUNDHOG_DECISION_WAIT": "3s", "GROUNDHOG_SHARE_PERCENT": "0"}


@contextmanager
def _broker(settings: StackSettings) -> Iterator[str]:
    program = build_all(ROOT, settings.cache, say, modules=[BROKER])["kafka"]
    with subprocess.Popen(
        [program, "otlp_spans", str(PARTITIONS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        assert process.stdin is not None
        process.stdin.close()


def _calls(slow: list[bytes], fast: list[bytes]) -> list[Span]:
    return [
        span
        for trace in (*slow, *fast)
        for span in (call(trace, duration_s=SLOW_S if trace in slow else 0.001), call(trace, root=True))
    ]


@dataclass
class Tiers:
    """Two gateways, a broker, two samplers, and what these have kept."""

    gateways: list[Collector]
    samplers: list[Collector]
    sinks: list[Receiver]

    def send(self, spans: list[Span]) -> None:
        """Send a trace's spans, which are neighbours in the list, by different gateways."""
        for number, gateway in enumerate(self.gateways):
            send(gateway.ports["otlp_http"], spans[number :: len(self.gateways)])

    def found(self, traces: list[bytes]) -> list[Counter[bytes]]:
        """Return how many spans of these traces each sampler has kept."""
        wanted = set(traces)
        return [Counter(span.trace_id for span in sink.spans if span.trace_id in wanted) for sink in self.sinks]

    def kept(self, traces: list[bytes]) -> int:
        return sum(sum(one.values()) for one in self.found(traces))

    def share_the_partitions(self) -> None:
        """Wait until every sampler has some."""

        def shared() -> bool:
            self.send([call(trace, error=True, root=True) for trace in new_ids(PARTITIONS)])
            return all(sink.spans for sink in self.sinks)

        eventually(shared, within_s=40, what="every sampler has partitions")


@contextmanager
def _tiers(settings: StackSettings, folder: Path, decisions: dict[str, str]) -> Iterator[Tiers]:
    """Start the broker and the gateways; the samplers are for the test to start."""
    program = Stack(settings, say=say).build()["groundhog-collector"]
    own = settings._replace(state=folder)
    with ExitStack() as opened:
        environment = {**decisions, "GROUNDHOG_KAFKA": json.dumps([opened.enter_context(_broker(settings))])}
        sinks = [opened.enter_context(receiving()) for _ in range(2)]
        gateways = [Collector(f"gateway-{one}", program, own, ["kafka-gateway"], environment) for one in range(2)]
        samplers = [
            Collector(
                f"sampler-{number}",
                program,
                own,
                ["sampler", "kafka-sampler"],
                {**environment, "GROUNDHOG_SAMPLER_NAME": f"sampler-{number}", "GROUNDHOG_JAEGER_OTLP": sink.grpc},
            )
            for number, sink in enumerate(sinks)
        ]
        for one in (*gateways, *samplers):
            opened.callback(one.stop)
        for one in gateways:
            one.start()
        yield Tiers(gateways, samplers, sinks)


def test_traces_are_decided_once_and_whole(settings: StackSettings, tmp_path: Path) -> None:
    early, late = new_ids(100), new_ids(200)
    with _tiers(settings, tmp_path, DECISIONS) as tiers:
        tiers.send(_calls(early, new_ids(100)))  # nobody reads yet: the topic holds them
        first, second = tiers.samplers
        first.start()
        eventually(lambda: tiers.kept(early) == 2 * len(early), within_s=30, what="what was sent before any sampler")
        second.start()
        tiers.share_the_partitions()
        tiers.send(_calls(late, new_ids(2000)))
        eventually(lambda: tiers.kept(late) >= 2 * len(late), within_s=30, what="both spans of each slow call")
    found = tiers.found(late)
    for one in found:
        assert set(one.values()) == {2}, "a trace is in two halves"
    assert sorted(trace for one in found for trace in one) == sorted(late)


def test_a_killed_sampler_has_its_partitions_again_and_has_lost_what_it_held(
    settings: StackSettings, tmp_path: Path
) -> None:
    held = new_ids(200)
    with _tiers(
        settings, tmp_path, {**DECISIONS, "GROUNDHOG_ROOT_WAIT": "90s", "GROUNDHOG_DECISION_WAIT": "90s"}
    ) as tiers:
        for one in tiers.samplers:
            one.start()
        tiers.share_the_partitions()
        tiers.send([call(trace) for trace in held])
        time.sleep(3)  # what is read is marked every second: had it not been yet, it would be read again
        victim = tiers.samplers[0]
        victim.end(signal.SIGKILL)
        victim.start()
        tiers.send([call(trace, error=True, root=True) for trace in held])

        def all_that_is_left() -> bool:
            of_victim, of_other = tiers.found(held)
            return len(of_victim) + len(of_other) == len(held) and set(of_other.values()) == {2}

        eventually(all_that_is_left, within_s=40, what="each trace at the sampler that it was at before")
    of_victim, of_other = tiers.found(held)
    assert set(of_victim.values()) == {1}, "the span that came after the end"
    assert not set(of_victim) & set(of_other)
    say(f"lost: {len(of_victim)} spans, of {len(held)} held by two samplers")


def test_a_killed_gateway_has_all_that_it_has_acknowledged(settings: StackSettings, tmp_path: Path) -> None:
    traces = new_ids(300)
    with _tiers(settings, tmp_path, DECISIONS) as tiers:
        victim = tiers.gateways[0]
        send(victim.ports["otlp_http"], [call(trace, error=True, root=True) for trace in traces])
        victim.end(signal.SIGKILL)
        tiers.samplers[0].start()
        victim.start()
        eventually(lambda: len(tiers.found(traces)[0]) == len(traces), within_s=30, what="every trace")
        say(f"sent twice: {tiers.kept(traces) - len(traces)} of {len(traces)}")
