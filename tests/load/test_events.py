from __future__ import annotations

from typing import Any

from groundhog_otel.load.arrivals import Constant
from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step
from groundhog_otel.load.targets import target_for
from groundhog_otel.load.tester import LoadTester
from tests.load.sample import make_sample
from tests.support.sdk import context_class


def make_chatty() -> Any:
    """Return a server with a tool that sends three notifications."""
    server = make_sample()

    async def chatty(ctx: Any) -> str:
        for _ in range(3):
            await ctx.session.send_tool_list_changed()
        return "done"

    chatty.__annotations__["ctx"] = context_class()
    server.tool()(chatty)
    return server


def test_the_notifications_that_a_server_sends_are_counted() -> None:
    server = make_chatty()
    config = LoadTestConfig(
        duration=1, arrivals=Constant(20), test_scenarios=(Scenario("chatty", (Step(target="chatty"),)),)
    )
    result = LoadTester(target_for(server, protocol="handshake"), telemetry="none").run_load_test(config)
    assert result.operations[0].count == 20
    # Those of the last call may come after the last moment that counts.
    assert result.events is not None
    assert 3 * 19 <= result.events <= 3 * 20
