"""Requests under way, at both sides."""

from __future__ import annotations

import anyio
import pytest

from groundhog_otel.mcp.inflight import IN_FLIGHT
from groundhog_otel.mcp.telemetry import SERVER, Telemetry
from groundhog_otel.mcp.transport import http_server
from groundhog_otel.settings import McpSettings
from tests.resources.collector import Collector
from tests.support import sdk

ACTIVE = "groundhog.mcp.requests.active"


def _active(collector: Collector) -> dict[tuple[str, str], float]:
    return {
        (attributes["groundhog.mcp.side"], attributes["mcp.method.name"]): value
        for value, attributes in collector.readings().get(ACTIVE, [])
    }


@pytest.mark.anyio
async def test_each_side_counts_its_own_and_comes_back_to_nought(collector: Collector) -> None:
    async with sdk.in_memory(sdk.make_server()) as session:
        assert not _active(collector)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(session.call_tool, "nap", {"seconds": 1})
            await anyio.sleep(0.4)
            busy = _active(collector)
        idle = _active(collector)
    both = {("client", "tools/call"), ("server", "tools/call")}
    assert busy == dict.fromkeys(both, 3)
    assert idle == dict.fromkeys(both, 0)


def test_a_method_that_a_stranger_made_up_is_no_series_of_its_own(collector: Collector) -> None:
    telemetry = Telemetry(McpSettings(), meter_provider=collector.provider)
    begun = [
        telemetry.begin(SERVER, f"made/up{number}", transport=http_server(None), request_id=number)
        for number in range(5)
    ]
    assert _active(collector) == {("server", "_OTHER"): 5}
    for operation in begun:
        assert operation is not None
        operation.end()
    assert not IN_FLIGHT
