from __future__ import annotations

import time
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from groundhog_otel.load.driven.engine import Driven
from groundhog_otel.load.engine.share import Hooks
from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step
from groundhog_otel.load.targets import target_for
from tests.load.test_events import make_chatty
from tests.support.sdk import make_server

pytestmark = pytest.mark.anyio

ADD = Step(target="add", arguments={"a": 1, "b": 2})


class Driver:
    """Drives an engine as the process does, in this one."""

    def __init__(self, *scenarios: Scenario, target: Any = None, **options: Any) -> None:
        self.said: list[dict[str, Any]] = []
        self._more = anyio.Event()
        self.engine = Driven(
            target or target_for(make_server()),
            LoadTestConfig(**options),
            [scenarios],
            run_id="run",
            worker=3,
            hooks=Hooks(),
            say=self._hear,
        )

    def _hear(self, **said: Any) -> None:
        self.said.append(said)
        self._more.set()

    async def heard(self, **said: Any) -> None:
        with anyio.fail_after(30):
            while said not in self.said:
                self._more = anyio.Event()
                await self._more.wait()

    async def begun(self) -> None:
        """Open a session, begin a round, and wait until its first request is under way."""
        self.engine.open(0, 0)
        await self.heard(opened=0, problem=None)
        self.engine.go(0, time.perf_counter_ns())
        with anyio.fail_after(30):
            while not self.engine.in_flight:
                await anyio.lowlevel.checkpoint()


async def test_the_request_under_way_is_finished_and_counted() -> None:
    driver = Driver(Scenario("s", (ADD, Step(target="nap", arguments={"seconds": 0.01}))))
    await driver.begun()
    await driver.heard(over=0)
    driver.said.clear()
    driver.engine.go(0, time.perf_counter_ns())
    while not driver.engine.in_flight:
        await anyio.lowlevel.checkpoint()
    driver.engine.leave(0)
    await driver.heard(over=0)
    result = await driver.engine.end()
    assert {one.name: one.count for one in result.operations} == {"tools/call add": 2, "tools/call nap": 1}
    assert (result.unfinished, result.connections_peak, result.model) == (0, 1, "closed")
    assert result.self_checks[0].worker == 3


async def test_notifications_are_counted_as_in_any_other_test() -> None:
    driver = Driver(Scenario("s", (Step(target="chatty"),)), target=target_for(make_chatty(), protocol="handshake"))
    await driver.begun()
    await driver.heard(over=0)
    assert (await driver.engine.end()).events == 3


async def test_nobody_who_leaves_is_waited_for_while_thinking() -> None:
    driver = Driver(Scenario("s", (Step(target="add", arguments={"a": 1, "b": 2}, think=600.0),)))
    driver.engine.open(0, 0)
    await driver.heard(opened=0, problem=None)
    driver.engine.go(0, time.perf_counter_ns())
    await anyio.sleep(0.05)
    driver.engine.leave(0)
    await driver.heard(over=0)
    assert (await driver.engine.end()).operations == ()


async def test_a_request_without_an_answer_is_given_up_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundhog_otel.load.driven.engine.GRACE_S", 0.3)
    driver = Driver(Scenario("s", (Step(target="nap", arguments={"seconds": 40}),)), request_timeout=60.0)
    await driver.begun()
    result = await driver.engine.end()
    (one,) = result.operations
    assert (one.count, one.errors, result.unfinished) == (1, {"timeout:unfinished": 1}, 1)
