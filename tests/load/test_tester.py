from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
from dataclasses import replace

import pytest

from groundhog_otel.load.arrivals import Constant
from groundhog_otel.load.engine.progress import Progress
from groundhog_otel.load.engine.stopping import Stop
from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.errors import LoadError, StoppedError
from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step
from groundhog_otel.load.session import Answer, ToolFacts
from groundhog_otel.load.tester import LoadTester
from tests.load.fake import Call, FakeTarget, ten_ms

SCENARIO = Scenario("add", (Step(target="add"),))
CONFIG = LoadTestConfig(duration=1, arrivals=Constant(50), test_scenarios=(SCENARIO,))
READS = ToolFacts("read", {"type": "object"}, read_only=True)
WRITES = ToolFacts("write", {"type": "object"}, read_only=False)


def test_a_program_without_an_event_loop_runs_a_test() -> None:
    seen: list[Progress] = []
    result = LoadTester(FakeTarget(ten_ms), on_progress=seen.append, telemetry="none").run_load_test(CONFIG)
    assert result.operations[0].count == 50
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}-[0-9a-f]{8}", result.run_id)
    assert seen[-1].finished == 50
    assert result.config["duration"] == 1
    assert result.config["arrivals"] == {"kind": "constant", "rate": 50}


def test_within_an_event_loop_it_is_awaited() -> None:
    tester = LoadTester(FakeTarget(ten_ms), telemetry="none")

    async def within() -> None:
        with pytest.raises(LoadError, match="await the method with an a before its name"):
            tester.run_load_test(CONFIG)
        result = await tester.arun_load_test(CONFIG, run_id="mine")
        assert result.run_id == "mine"
        assert result.operations[0].count == 50

    asyncio.run(within())


def test_latencies_of_real_time_are_those_of_the_server_and_the_timers_error() -> None:
    """A server that takes 40 ms, and says itself how long it took on this machine, timers included."""
    took: list[float] = []

    async def behave(_call: Call) -> Answer:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        await asyncio.sleep(0.04)
        took.append(loop.time() - begun_s)
        return Answer({})

    result = LoadTester(FakeTarget(behave), telemetry="none").run_load_test(
        replace(CONFIG, duration=3, arrivals=Constant(100))
    )
    took.sort()
    (one,) = result.operations
    response, service = Tally.decode(one.response), Tally.decode(one.service)
    error_s = result.self_checks[0].scheduling_error_max_s
    for percent in (50, 90, 99):
        true_s = took[-int(-len(took) * percent // 100) - 1]
        (response_s,), (service_s,) = response.percentiles_s(percent), service.percentiles_s(percent)
        # Service: what the server took, and what it takes to call it. Response: what the timer was late, on top.
        assert true_s * 0.999 <= service_s <= response_s * 1.001
        assert response_s <= service_s * 1.01 + error_s
    (median_s,) = service.percentiles_s(50)
    assert median_s == pytest.approx(took[len(took) // 2], rel=0.01, abs=0.001)


def test_users_are_simulated() -> None:
    target = FakeTarget(ten_ms, tools=(READS, WRITES))
    result = LoadTester(target, telemetry="none").simulate_concurrent_users(
        3, LoadTestConfig(duration=0.5, arrivals=Constant(1))
    )
    assert result.model == "closed"
    assert result.connections_peak == 3
    assert [one.name for one in result.operations] == ["tools/call read"]


def test_without_scenarios_only_tools_that_change_nothing_are_called() -> None:
    target = FakeTarget(ten_ms, tools=(READS, WRITES))
    config = LoadTestConfig(duration=0.5, arrivals=Constant(50))
    LoadTester(target, telemetry="none").run_load_test(config)
    assert {call.target for call in target.calls} == {"read"}
    LoadTester(target, telemetry="none").run_load_test(replace(config, unsafe_tools=True))
    assert {call.target for call in target.calls} == {"read", "write"}


@pytest.mark.parametrize("tools", [(), (WRITES,)])
def test_without_anything_to_call_there_is_one_clear_error(tools: tuple[ToolFacts, ...]) -> None:
    with pytest.raises(LoadError, match=r"no tools|read-only"):
        LoadTester(FakeTarget(tools=tools), telemetry="none").run_load_test(LoadTestConfig(duration=1))


@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_signals_end_a_test_and_what_was_recorded_is_returned(number: signal.Signals, name: str) -> None:
    before = signal.getsignal(number)
    sent: list[Progress] = []

    def send(progress: Progress) -> None:
        if progress.finished > 10 and not sent:
            sent.append(progress)
            os.kill(os.getpid(), number)

    target = FakeTarget(ten_ms)
    result = LoadTester(target, on_progress=send, telemetry="none").run_load_test(replace(CONFIG, duration=600))
    assert result.interrupted == name
    assert result.operations[0].count > 10
    assert target.open_now == 0
    assert signal.getsignal(number) is before


def test_a_signal_before_it_begins_leaves_nothing_to_report() -> None:
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(StoppedError, match="Ctrl-C"):
        LoadTester(FakeTarget(open_s=600), telemetry="none").run_load_test(CONFIG)
    timer.join()


def test_a_stop_of_ones_own_ends_a_test_that_is_awaited() -> None:
    async def within() -> None:
        stop = Stop()
        asyncio.get_running_loop().call_later(0.7, stop.tell, "enough")
        result = await LoadTester(FakeTarget(ten_ms), telemetry="none").arun_load_test(
            replace(CONFIG, duration=600), stop=stop
        )
        assert result.interrupted == "enough"

    asyncio.run(within())
