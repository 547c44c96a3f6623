"""Kafka between the tiers. The broker is franz-go's kfake: Kafka's real protocol, in memory, in a process of its own.

What it cannot show is Kafka's own keeping of what it has acknowledged.
"""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from groundhog_otel.pipeline.builds import Module, build_all
from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.conftest import eventually, say
from tests.e2e.spans import SLOW_S, call, new_ids, send
from tests.e2e.tiers import Collector
from tests.support.otlp import receiving
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


def test_traces_are_decided_once_and_whole(settings: StackSettings, tmp_path: Path) -> None:
    program = Stack(settings, say=say).build()["groundhog-collector"]
    own = settings._replace(state=tmp_path)
    early, late = new_ids(100), new_ids(200)
    with ExitStack() as opened:
        environment = {**DECISIONS, "GROUNDHOG_KAFKA": json.dumps([opened.enter_context(_broker(settings))])}
        gateways = [Collector(f"gateway-{one}", program, own, ["kafka-gateway"], environment) for one in range(2)]
        sinks = [opened.enter_context(receiving()) for _ in range(2)]
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

        def send_through_both(spans: list[Span]) -> None:
            for number, gateway in enumerate(gateways):
                send(gateway.ports["otlp_http"], spans[number::2])

        def found(traces: list[bytes]) -> list[Counter[bytes]]:
            wanted = set(traces)
            return [Counter(span.trace_id for span in sink.spans if span.trace_id in wanted) for sink in sinks]

        def have_both_spans(traces: list[bytes]) -> bool:
            return sum(sum(one.values()) for one in found(traces)) >= 2 * len(traces)

        send_through_both(_calls(early, new_ids(100)))  # nobody reads yet: the topic holds them
        samplers[0].start()
        eventually(lambda: have_both_spans(early), within_s=30, what="what was sent before there was a sampler")
        samplers[1].start()

        def shared() -> bool:
            send_through_both([call(trace, error=True, root=True) for trace in new_ids(PARTITIONS)])
            return bool(sinks[1].spans)

        eventually(shared, within_s=40, what="the second sampler has its partitions")
        send_through_both(_calls(late, new_ids(2000)))
        eventually(lambda: have_both_spans(late), within_s=30, what="both spans of each slow call")
        first, second = found(late)
    assert set(first.values()) == set(second.values()) == {2}, "a trace is in two halves"
    assert sorted((*first, *second)) == sorted(late)
