"""Whatever is over its budget is a stored trace, whole, so that every exemplar up there leads to one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.budgets import COMMAND
from tests.e2e.conftest import RunningStack, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
SERVICE = "storm"
SLOW, FAST = 1_000, 10_000
LATE_S = 4
"""Later than the decision on a trace whose root has ended, by a good deal."""


@pytest.fixture(scope="module")
def over(running_stack: RunningStack) -> dict[str, int]:
    """Return how many spans each trace has that holds an operation over its budget, after all have been sent."""
    command = [str(Path(sys.executable).with_name("opentelemetry-instrument")), sys.executable]
    done = subprocess.run(
        [*command, "-m", "tests.e2e.storm_program", str(SLOW), str(FAST), str(LATE_S)],
        cwd=ROOT,
        env={
            **os.environ,
            "OTEL_SERVICE_NAME": SERVICE,
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{running_stack.ports['otlp_grpc']}",
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_BSP_MAX_QUEUE_SIZE": "65536",
        },
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    assert len(found) >= SLOW
    assert max(found.values()) > 2, "no trace has a span that came late"
    return found


def _spans(stack: RunningStack) -> dict[str, int]:
    return {trace["traceID"]: len(trace["spans"]) for trace in stack.traces(SERVICE, limit=4 * (SLOW + FAST))}


def test_everything_over_its_budget_is_stored_and_whole(running_stack: RunningStack, over: dict[str, int]) -> None:
    def stored() -> bool:
        found = _spans(running_stack)
        return all(found.get(trace_id) == spans for trace_id, spans in over.items())

    eventually(stored, within_s=60, what=f"{len(over)} whole traces over the budget")
    found = _spans(running_stack)
    # Most of the rest was let go: what is stored was chosen.
    assert len(found) < len(over) + FAST / 2, len(found)


@pytest.mark.parametrize(
    "buckets",
    [
        f'mcp_server_operation_duration_seconds_bucket{{job="{SERVICE}"}}',
        f'mcp_client_operation_duration_seconds_bucket{{job="{SERVICE}"}}',
        f'mcp_kept_duration_seconds_bucket{{service_name="{SERVICE}",mcp_method_name="tools/call"}}',
    ],
    ids=["server", "client", "collector"],
)
def test_every_exemplar_over_the_budget_leads_to_a_stored_trace(
    running_stack: RunningStack, over: dict[str, int], buckets: str
) -> None:
    def exemplars() -> set[str]:
        return {trace_id for trace_id, value in running_stack.exemplars(buckets) if value > COMMAND.limit_s}

    eventually(partial(_at_least, 5, exemplars), within_s=60, what="exemplars over the budget")
    for trace_id in exemplars():
        trace: Any = running_stack.trace(trace_id)
        assert trace is not None, trace_id
        assert trace_id in over


def _at_least(count: int, look: Any) -> bool:
    return len(look()) >= count
