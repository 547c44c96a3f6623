"""Every request that a load test remembers is a stored trace from end to end; most of the others are not stored."""

from __future__ import annotations

import asyncio
import heapq
import os
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from groundhog_otel.load.links.budget import latency_budget
from groundhog_otel.load.links.finding import LookedUp, find, look_up
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.results.result import LoadResult, Request
from groundhog_otel.store.jaeger import Jaeger
from tests.e2e.conftest import FAST_DECISIONS, SHARE_PERCENT, RunningStack, eventually
from tests.load.links.calls import call
from tests.support import sdk
from tests.support.processes import environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CALLS, SAMPLE, SLOWEST = 600, 40, 10
RUN = "e2e-run"
UNDECIDED_S = 2 * float(FAST_DECISIONS["GROUNDHOG_DECISION_WAIT"].removesuffix("s"))


@dataclass
class _Done:
    result: LoadResult
    others: list[Request]


async def _load(telemetry: Telemetry, endpoint: str) -> _Done:
    """Make calls, each as the one before it is over; remember the slowest so far, and a random sample."""
    writer, metrics = telemetry.span_writer(), telemetry.metrics(active=lambda: 1)
    assert writer is not None
    assert metrics is not None
    server = telemetry.server(
        [sys.executable, "-m", "tests.support.sdk"], environment(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint), name="tested"
    )
    drawn = set(random.Random(6).sample(range(CALLS), SAMPLE))
    slowest: list[tuple[float, int, Request]] = []
    sample, everyone, written = [], [], set()
    async with sdk.over_stdio(*server.words, env=dict(server.environ)) as session:
        await session.call_tool("add", {"a": 0, "b": 0})
        for number in range(CALLS):
            one = await call(session, "add", {"a": number, "b": 1}, run_id=RUN)
            everyone.append(one)
            metrics.record(one.operation, response_s=one.response_s, delay_s=0.0)
            entered = len(slowest) < SLOWEST or one.response_s > slowest[0][0]
            if entered:
                heapq.heappush(slowest, (one.response_s, number, one))
            if len(slowest) > SLOWEST:
                heapq.heappop(slowest)
            if number in drawn:
                sample.append(one)
            if entered or number in drawn:
                writer.write(one)
                written.add(one.trace_id)
    assert writer.close()
    assert metrics.close()
    result = LoadResult(
        run_id=RUN, server=None, target="tested", model="closed", config={}, started_at_ns=everyone[0].intended_ns,
        duration_s=1.0, operations=(), windows=(), self_checks=(),
        slowest=tuple(one for _, _, one in sorted(slowest, reverse=True)), sample=tuple(sample),
    )  # fmt: skip
    return _Done(result, [one for one in everyone if one.trace_id not in written])


@pytest.fixture(scope="module")
def done(running_stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> _Done:
    endpoint = f"http://127.0.0.1:{running_stack.ports['otlp_grpc']}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        telemetry = Telemetry.chosen(RUN, store=Path(tmp_path_factory.mktemp("store")), environ=dict(os.environ))
        assert (telemetry.mode, telemetry.problem()) == ("otlp", None)
        return asyncio.run(_load(telemetry, endpoint))


@pytest.fixture(scope="module")
def jaeger(running_stack: RunningStack) -> Jaeger:
    return Jaeger(f"http://127.0.0.1:{running_stack.ports['jaeger_query']}")


@pytest.fixture(scope="module")
def looked(done: _Done, jaeger: Jaeger) -> LookedUp:
    return look_up([*done.result.slowest, *done.result.sample], jaeger, wait_s=60)


def test_each_of_the_slowest_opens_a_stored_trace_with_root_client_and_server_linked(
    running_stack: RunningStack, done: _Done, jaeger: Jaeger
) -> None:
    port, links = running_stack.ports["jaeger_query"], find(done.result, jaeger, wait_s=60)
    assert [link.request for link in links] == list(done.result.slowest)
    assert len(links) == SLOWEST
    for link in links:
        assert (link.found, link.missing) == (True, None)
        assert link.url_or_file == f"http://127.0.0.1:{port}/trace/{link.request.trace_id}"
        trace = jaeger.trace(link.request.trace_id)
        assert trace is not None
        by_kind = {span.kind: span for span in trace.spans}
        assert set(by_kind) == {"internal", "client", "server"}
        root, client, server = by_kind["internal"], by_kind["client"], by_kind["server"]
        assert (root.parent_id, client.parent_id, server.parent_id) == (None, root.span_id, client.span_id)
        assert client.span_id == link.request.span_id
        assert {root.attributes["groundhog.load.run_id"], client.attributes["groundhog.load.run_id"]} == {RUN}
        assert (root.process.service, client.process.service, server.process.service) == (
            "groundhog-load", "groundhog-load", "tested",
        )  # fmt: skip
        assert root.start_ns == link.request.intended_ns
        assert {event.name for event in client.events} == {"groundhog.load.written", "groundhog.load.read"}


def test_the_sample_is_stored_too_and_most_of_what_is_not_remembered_is_not(
    done: _Done, jaeger: Jaeger, looked: LookedUp
) -> None:
    assert looked.problem is None
    for one in done.result.sample:
        assert looked.link(one).found, looked.link(one).missing
        assert looked.link(one).missing is None
    assert len(done.others) > CALLS / 2
    ids = [one.trace_id for one in done.others]
    # The Collector decides on them one after the other, some seconds after each; a share of them it keeps.
    eventually(
        lambda: len(jaeger.look(ids)) > len(ids) * SHARE_PERCENT / 100 / 3, within_s=60, what="a share is stored"
    )
    time.sleep(UNDECIDED_S)
    stored = jaeger.look(ids)
    # A busy machine may have made some of them slow, and those are kept as well.
    kept = [one for one in done.others if one.trace_id in stored and one.service_s < 0.04]
    assert len(kept) < len(done.others) * SHARE_PERCENT / 100 * 3


def test_a_budget_of_joined_spans_is_all_of_the_time(done: _Done, looked: LookedUp) -> None:
    budget = latency_budget(done.result.sample, looked.spans, among=done.result.slowest)
    assert (budget.requests, budget.joined) == (SAMPLE, SAMPLE)
    assert sum(part.permille for part in budget.parts) == 1000
    by_name = {part.name: part.seconds for part in budget.parts}
    assert by_name["unexplained"] == by_name["schedule delay"] == 0
    assert 0 < by_name["handler"] < budget.seconds
    assert 0 < by_name["transport"] < budget.seconds
    assert budget.clock_skew_s < 0.05, "it is one machine, and one clock"


def test_its_metrics_are_in_prometheus(running_stack: RunningStack, done: _Done) -> None:
    assert done.others

    def counted() -> list[Mapping[str, str]]:
        found = running_stack.query('groundhog_load_request_duration_seconds_count{job="groundhog-load"}')
        return [labels for labels, value in found if value == CALLS]  # other tests on this stack count as well

    (labels,) = eventually(counted, within_s=30, what="every request counted")
    assert (labels["mcp_method_name"], labels["gen_ai_tool_name"]) == ("tools/call", "add")
