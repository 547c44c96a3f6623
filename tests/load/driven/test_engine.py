from __future__ import annotations

import time
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from groundhog_otel.load.driven.engine import Driven
from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step
from groundhog_otel.load.recorder import Listener
from groundhog_otel.load.result import LoadResult
from groundhog_otel.load.targets import target_for
from tests.support.sdk import make_server

pytestmark = pytest.mark.anyio

ADD = Step(target="add", arguments={"a": 1, "b": 2})


class Driver:
    """Drives an engine as the process does, in this one."""

    def __init__(self, *scenarios: Scenario, **options: Any) -> None:
        self.engine = Driven(
            target_for(make_server()),
            LoadTestConfig(**options),
            [scenarios],
            run_id="run",
            worker=3,
            listener=Listener(),
        )
        self.engine.say = self._hear
        self.said: list[tuple[Any, ...]] = []
        self._more = anyio.Event()

    def _hear(self, *what: Any) -> None:
        self.said.append(what)
        self._more.set()

    async def heard(self, *what: Any) -> None:
        with anyio.fail_after(30):
            while what not in self.said:
                self._more = anyio.Event()
                await self._more.wait()

    async def two_rounds_and_a_third_that_is_left(self) -> LoadResult:
        with anyio.fail_after(50), self.engine.watch:
            async with anyio.create_task_group() as tasks:
                self.engine.open(tasks, 7, 0)
                await self.heard("opened", 7, None)
                for _ in range(2):
                    self.engine.go(tasks, 7, time.perf_counter_ns())
                    await self.heard("over", 7)
                    self.said.clear()
                self.engine.go(tasks, 7, time.perf_counter_ns())
                while not self.engine.in_flight:
                    await anyio.lowlevel.checkpoint()
                self.engine.leave(7)
                await self.engine.drained()
                assert ("over", 7) in self.said
        return self.engine.result()


async def test_the_request_under_way_is_finished_and_counted() -> None:
    driver = Driver(Scenario("s", (ADD, Step(target="nap", arguments={"seconds": 0.01}))))
    result = await driver.two_rounds_and_a_third_that_is_left()
    counts = {one.name: one.count for one in result.operations}
    assert counts["tools/call add"] == 3
    assert counts.get("tools/call nap") == 2, "whoever has left begins no further step"
    assert result.unfinished == 0
    assert (result.self_checks[0].worker, result.connections_peak, result.model) == (3, 1, "closed")


async def test_nobody_who_leaves_is_waited_for_while_thinking() -> None:
    driver = Driver(Scenario("s", (Step(target="add", arguments={"a": 1, "b": 2}, think=600.0),)))
    with anyio.fail_after(50), driver.engine.watch:
        async with anyio.create_task_group() as tasks:
            driver.engine.open(tasks, 0, 0)
            await driver.heard("opened", 0, None)
            driver.engine.go(tasks, 0, time.perf_counter_ns())
            await anyio.sleep(0.05)
            driver.engine.leave(0)
            await driver.heard("over", 0)
    assert driver.engine.result().operations == ()


async def test_a_request_without_an_answer_is_given_up_and_counted() -> None:
    step = Step(target="nap", arguments={"seconds": 30}, timeout=1.0)
    driver = Driver(Scenario("s", (step,)), request_timeout=0.2)
    with anyio.fail_after(50), driver.engine.watch:
        async with anyio.create_task_group() as tasks:
            driver.engine.open(tasks, 0, 0)
            await driver.heard("opened", 0, None)
            driver.engine.go(tasks, 0, time.perf_counter_ns())
            while not driver.engine.in_flight:
                await anyio.lowlevel.checkpoint()
            await driver.engine.drained()
    (one,) = driver.engine.result().operations
    assert one.count == 1
    assert next(iter(one.errors)).startswith("timeout")
