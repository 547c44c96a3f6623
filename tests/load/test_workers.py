from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from groundhog_otel.load.arrivals import Constant
from groundhog_otel.load.engine.progress import Progress
from groundhog_otel.load.engine.share import Hooks
from groundhog_otel.load.engine.stopping import Stop
from groundhog_otel.load.engine.workers import run_workers
from groundhog_otel.load.errors import LoadError, StoppedError
from groundhog_otel.load.judgement.soundness import faults, notes
from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step
from groundhog_otel.load.results.result import LoadResult, Request
from tests.load.fake import FakeTarget, after, nobody, ten_ms

pytestmark = pytest.mark.timeout(180)

CONFIG = LoadTestConfig(
    duration=1.5,
    arrivals=Constant(100),
    concurrent_users=2,
    test_scenarios=(Scenario("add", (Step(target="add"),)),),
    workers=2,
)
TARGET = FakeTarget(ten_ms, keep_calls=False)


def run(
    config: LoadTestConfig = CONFIG,
    *,
    target: FakeTarget = TARGET,
    hooks: Hooks | None = None,
    meanwhile: Callable[[Stop], Coroutine[Any, Any, None]] | None = None,
) -> LoadResult:
    async def work() -> LoadResult:
        stop = Stop()
        beside = asyncio.ensure_future(asyncio.sleep(0) if meanwhile is None else meanwhile(stop))
        try:
            return await run_workers(target, config, run_id="r", stop=stop, hooks=hooks)
        finally:
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
            assert _workers() == []

    return asyncio.run(work())


def _workers(of: int | None = None) -> list[psutil.Process]:
    """The worker processes that a process has started."""
    return [child for child in psutil.Process(of).children() if _is_worker(child)]


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "groundhog_otel.load.engine.worker" in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


async def _until(fulfilled: Callable[[], bool]) -> None:
    while not fulfilled():  # noqa: ASYNC110 - what is waited for happens in other processes
        await asyncio.sleep(0.02)


def test_several_processes_do_what_one_would() -> None:
    told: list[Request] = []
    seen: list[Progress] = []
    hooks = Hooks(on_tick=lambda tick: seen.append(tick.progress), on_remembered=told.append)
    result = run(hooks=hooks)
    (one,) = result.operations
    assert one.count == 150
    assert result.workers == 2
    assert [check.worker for check in result.self_checks] == [0, 1]
    assert [check.due for check in result.self_checks] == [75, 75]
    assert result.connections_peak == 2
    assert result.interrupted is None
    # One schedule, from one moment on.
    due = sorted(request.intended_ns for request in result.sample)
    gaps = [(later - due[0]) / 1e7 for later in due]
    assert gaps == pytest.approx(range(150), abs=0.5)
    assert {*result.sample} == {*told}
    assert len({request.trace_id for request in told}) == 150
    assert seen[-1].workers == 2
    assert seen[-1].connections <= 2


def _killed(after_s: float, duration_s: float) -> LoadResult:
    """Run a test one of whose workers is killed after some seconds."""

    async def kill(_stop: Stop) -> None:
        await _until(lambda: bool(running) and running[-1].elapsed_s > after_s)
        _workers()[0].kill()

    running: list[Progress] = []
    hooks = Hooks(on_tick=lambda tick: running.append(tick.progress))
    return run(replace(CONFIG, duration=duration_s), hooks=hooks, meanwhile=kill)


def test_a_worker_that_is_killed_ends_the_test_and_what_it_had_recorded_is_kept() -> None:
    result = _killed(3.5, 120)  # windows are 1.2 s long
    assert result.interrupted is not None
    assert "of the load test has ended by signal 9" in result.interrupted
    assert (result.workers, [check.worker for check in result.self_checks]) == (2, [0, 1])
    (lost,) = result.lost
    assert lost.from_s == pytest.approx(round(lost.from_s / 1.2) * 1.2)
    assert 1.2 <= lost.from_s < lost.to_s == result.duration_s < 100
    assert sum(window.count for window in result.windows) == result.operations[0].count
    # 100/s of both until then, and 50/s of the other.
    due = 100 * lost.from_s + 50 * (result.duration_s - lost.from_s)
    assert result.operations[0].count == pytest.approx(due, rel=0.1)
    assert result.windows[0].count == pytest.approx(120, rel=0.1)
    assert len(result.slowest) == 10
    sampled = [request.intended_ns for request in result.sample]
    assert len(sampled) == len(set(sampled))
    assert len(sampled) == pytest.approx(min(result.operations[0].count, 500), abs=5)  # one may have been due, not sent
    said = f"worker {lost.worker} of the generator, which has died, "
    assert [note for note in notes(result) if said in note]


def test_a_worker_that_is_killed_before_it_has_kept_anything_is_missing() -> None:
    result = _killed(0.1, 1200)  # windows are 12 s long
    assert result.workers == 1
    (lost,) = result.lost
    assert (lost.from_s, lost.to_s) == (0, result.duration_s)
    assert [fault for fault in faults(result) if f"its parts, {lost.worker + 1}/2 is missing" in fault]


def test_stopping_keeps_what_all_have_recorded() -> None:
    async def stop_it(stop: Stop) -> None:
        await _until(lambda: bool(ticked))
        stop.tell("Ctrl-C")

    ticked: list[object] = []
    result = run(replace(CONFIG, duration=120), hooks=Hooks(on_tick=ticked.append), meanwhile=stop_it)
    assert result.interrupted == "Ctrl-C"
    assert result.workers == 2
    assert result.operations[0].count > 0
    assert result.duration_s < 100


def test_stopped_before_it_begins() -> None:
    async def stop_it(stop: Stop) -> None:
        await _until(lambda: len(_workers()) == 2)
        stop.tell("Ctrl-C")

    with pytest.raises(StoppedError, match="Ctrl-C"):
        run(target=replace(TARGET, open_s=60), meanwhile=stop_it)


def test_a_server_that_cannot_be_reached_is_one_clear_error() -> None:
    with pytest.raises(LoadError, match=r"^Nothing listens there: start the server$") as raised:
        run(target=replace(TARGET, refuse=nobody))
    assert not isinstance(raised.value, StoppedError)


def test_more_workers_than_users_are_refused_before_anything_starts() -> None:
    with pytest.raises(LoadError, match="3 workers are too many for 2 users"):
        run(replace(CONFIG, workers=3))


def test_what_cannot_leave_this_process_is_said_before_anything_starts() -> None:
    with pytest.raises(LoadError, match="fake cannot be handed to worker processes"):
        run(target=FakeTarget(after(0.01)))


def test_what_a_worker_cannot_find_is_said_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is with what a program defines in itself."""
    monkeypatch.setattr(sys.modules["__main__"], "ten_ms", _main_ten_ms, raising=False)
    monkeypatch.setattr(_main_ten_ms, "__module__", "__main__")
    monkeypatch.setattr(_main_ten_ms, "__qualname__", "ten_ms")
    with pytest.raises(
        LoadError, match=r"cannot be handed to worker processes .*define what it is made of in a module"
    ):
        run(target=replace(TARGET, behave=_main_ten_ms))


async def _main_ten_ms(call: Any) -> Any:
    return await ten_ms(call)


PROGRAM = """
from groundhog_otel.load.tester import LoadTester
from tests.load.test_workers import CONFIG, TARGET
from dataclasses import replace
print("begun", flush=True)
LoadTester(TARGET).run_load_test(replace(CONFIG, duration=300))
"""


def test_workers_do_not_outlive_a_parent_that_was_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        workers: list[psutil.Process] = []
        while len(workers) < 2:
            time.sleep(0.05)
            workers = _workers(parent.pid)
        os.kill(parent.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(workers, timeout=90)
    for worker in alive:
        worker.kill()
    assert alive == []
