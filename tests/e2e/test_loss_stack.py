"""What is lost when the real Jaeger or the real Prometheus is away, and nothing of what should be there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundhog_otel.pipeline.processes import load
from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.conftest import FAST_DECISIONS, RunningStack, Webhook, eventually, free_ports, say
from tests.support.pipeline.hardship import PROTOBUF, zero_ids
from tests.support.pipeline.kills import ONLY_SLOW, loaded
from tests.support.pipeline.load import Sender, post
from tests.support.pipeline.payload import Shape, Template

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def own_stack(
    settings: StackSettings, webhook: Webhook, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStack]:
    state: Path = tmp_path_factory.mktemp("loss")
    stack = Stack(
        settings._replace(state=state, ports=free_ports()), say=say, environment={**FAST_DECISIONS, **ONLY_SLOW}
    )
    stack.up()
    yield RunningStack(stack, webhook)
    stack.down()


def _kill(running: RunningStack, name: str) -> None:
    pids = {one.name: one.pid for one in load(running.stack.settings.state / "stack.json")}
    os.kill(pids[name], signal.SIGKILL)


def _sender(running: RunningStack, service: str) -> Sender:
    return Sender(running.ports["otlp_http"], Template(Shape(traces=50, slow=5, service=service)))


def _missing(running: RunningStack, sender: Sender) -> list[str]:
    """Return the acknowledged slow traces that are not whole in Jaeger."""
    whole = {
        trace["traceID"]
        for trace in running.traces(sender.template.shape.service)
        if len(trace["spans"]) == sender.template.shape.spans
    }
    return [one.hex() for one in sender.tally.slow if one.hex() not in whole]


def _jaeger_away(running: RunningStack, service: str, for_s: float, *, collector_too: bool) -> None:
    """What is sent while Jaeger is away is there in the end."""
    _kill(running, "Jaeger")
    sender = _sender(running, service)
    with loaded(sender, 5):
        time.sleep(for_s)
    if collector_too:
        time.sleep(1)  # the sampler's inbox is empty by then
        _kill(running, "Collector")
    running.stack.up()
    sent = len(sender.tally.slow)
    assert sent >= for_s * 10
    eventually(lambda: not _missing(running, sender), within_s=60, what=f"{sent} whole traces in Jaeger")


@pytest.mark.parametrize("collector_too", [False, True], ids=["alone", "and the Collector"])
def test_jaeger_away(own_stack: RunningStack, collector_too: bool) -> None:
    _jaeger_away(own_stack, f"jaeger-away-{collector_too}", 4, collector_too=collector_too)


def _prometheus_away(running: RunningStack, service: str, for_s: float) -> None:
    """The counters go on meanwhile: afterwards they are what was sent, and the graph has a gap."""
    series = f'sum(mcp_span_calls_total{{job="{service}"}})'

    def counted() -> float:
        found = running.query(series)
        return found[0][1] if found else 0.0

    sender = _sender(running, service)
    with loaded(sender, 5):
        eventually(counted, within_s=30, what="a first count")
        _kill(running, "Prometheus")
        time.sleep(for_s)
        running.stack.up()
    eventually(lambda: counted() == sender.tally.acknowledged, within_s=30, what=f"{sender.tally.acknowledged} spans")
    assert not sender.tally.refused
    ((_, scrapes),) = running.query(f'max(count_over_time(mcp_span_calls_total{{job="{service}"}}[10m]))')
    ((_, span_s),) = running.query(
        f'time() - min(min_over_time(timestamp(mcp_span_calls_total{{job="{service}"}})[10m:1s]))'
    )
    assert scrapes < span_s - for_s / 2, "no gap: Prometheus was not away"


def test_prometheus_away(own_stack: RunningStack) -> None:
    _prometheus_away(own_stack, "prometheus-away", 6)


def test_spans_without_a_trace_id_do_not_take_others_with_them(own_stack: RunningStack) -> None:
    sender = _sender(own_stack, "beside-zeros")
    for _ in range(4):
        body, ids = sender.template.fresh()
        status = post(own_stack.ports["otlp_http"], zero_ids(body, ids), {"Content-Type": PROTOBUF})
        assert status is not None
        assert sender.send() == 200
    sender.close()
    eventually(lambda: not _missing(own_stack, sender), within_s=20, what="the other traces in Jaeger")


@pytest.mark.slow
@pytest.mark.parametrize("collector_too", [False, True], ids=["alone", "and the Collector"])
def test_jaeger_away_for_a_minute(own_stack: RunningStack, collector_too: bool) -> None:
    _jaeger_away(own_stack, f"minute-{collector_too}", 60, collector_too=collector_too)


@pytest.mark.slow
def test_prometheus_away_for_a_minute(own_stack: RunningStack) -> None:
    _prometheus_away(own_stack, "prometheus-minute", 60)
