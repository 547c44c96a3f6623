from __future__ import annotations

import gc
from dataclasses import replace

import pytest

from groundhog_otel.load.engine.self_check import OwnCheck
from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.judgement.soundness import faults
from groundhog_otel.load.results.result import LoadResult, OperationResult, SelfCheck
from groundhog_otel.load.session import ServerFacts

SECOND = 1_000_000_000


class Clocks:
    """A wall clock and a CPU clock."""

    def __init__(self) -> None:
        self.now = self.cpu = 5 * SECOND

    def go(self, seconds: float, cpu_share: float) -> None:
        self.now += round(seconds * SECOND)
        self.cpu += round(seconds * cpu_share * SECOND)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def check(clocks: Clocks) -> OwnCheck:
    return OwnCheck(lambda: clocks.now, lambda: clocks.cpu)


def test_cpu_is_measured_over_the_test_and_in_its_worst_second(clocks: Clocks, check: OwnCheck) -> None:
    clocks.go(10, 1.0)  # before it
    check.start()
    for share in (0.2, 0.8, 0.2, 0.2):
        for _ in range(2):
            clocks.go(0.5, share)
            check.look()
    check.stop()
    clocks.go(10, 1.0)  # after it
    found = check.result(3)
    assert found.worker == 3
    assert found.cpu_share == pytest.approx(0.35)
    assert found.cpu_share_max == pytest.approx(0.8)


def test_a_short_test_has_a_worst_moment_too(clocks: Clocks, check: OwnCheck) -> None:
    check.start()
    clocks.go(0.3, 0.6)
    check.stop()
    assert check.result(0).cpu_share_max == pytest.approx(0.6)


def test_lateness_is_counted(check: OwnCheck) -> None:
    check.late(SECOND)  # during the warm-up
    check.start()
    for number in range(1, 101):
        check.late(number * 1000_000)
    check.stop()
    found = check.result(0)
    assert found.scheduling_error_p50_s == pytest.approx(0.050, rel=0.001)
    assert found.scheduling_error_p99_s == pytest.approx(0.099, rel=0.001)
    assert found.scheduling_error_max_s == 0.1
    assert Tally.decode(found.scheduling_errors).count == 100


def test_the_garbage_collectors_pauses_are_added_up() -> None:
    check = OwnCheck()
    check.start()
    gc.collect()
    gc.collect()
    check.stop()
    once = check.result(0)
    gc.collect()
    assert check.result(0) == once
    assert once.gc_pause_total_s > once.gc_pause_max_s > 0
    assert not any(getattr(callback, "__self__", None) is check for callback in gc.callbacks)


def test_what_was_never_started_is_idle_and_leaves_nothing_behind(check: OwnCheck) -> None:
    before = len(gc.callbacks)
    check.stop()
    assert check.result(0).cpu_share == 0
    assert len(gc.callbacks) == before


def _latencies(*seconds: float) -> str:
    tally = Tally()
    for one in seconds:
        tally.add_ns(round(one * 1e9))
    return tally.encode()


GOOD = SelfCheck(0, 0.5, 0.6, 0.0001, 0.0005, 0.002, 0.1, 0.01, due=1000, begun=999)
RESULT = LoadResult(
    run_id="r",
    server=ServerFacts("s", "1", "2025-11-25", "http"),
    target="t",
    model="open",
    config={},
    started_at_ns=0,
    duration_s=10.0,
    operations=(
        OperationResult("a", "ping", _latencies(0.02), _latencies(0.02), 1),
        OperationResult("b", "ping", _latencies(1.0), _latencies(1.0), 1),
    ),
    windows=(),
    self_checks=(GOOD, replace(GOOD, worker=1)),
)


@pytest.mark.parametrize(
    ("check", "why"),
    [
        (GOOD, None),
        (replace(GOOD, due=0, begun=0), None),
        (
            replace(GOOD, due=20_000, begun=9_001),
            "the schedule wanted 2,100/s and the generator began only 1,000/s: use more workers",
        ),
        (replace(GOOD, cpu_share=0.95), "worker 0 of the generator used 95 % of a CPU and could not do more: use more"),
        (
            replace(GOOD, scheduling_errors=_latencies(*[0.0025] * 30)),
            "worker 0 of the generator began 30 of 30 requests more than 2.0 ms late, beside a p99 of 20 ms",
        ),
        (replace(GOOD, scheduling_errors=_latencies(*[0.0015] * 30)), None),
        (
            replace(GOOD, gc_pause_total_s=0.7),
            "worker 0 of the generator was stopped by the garbage collector for 7.0 % of the test",
        ),
    ],
)
def test_the_bottleneck_is_named_in_one_sentence(check: SelfCheck, why: str | None) -> None:
    found = faults(replace(RESULT, self_checks=(check, replace(GOOD, worker=1))))
    assert found == () if why is None else found[0].startswith(why)


def test_a_server_in_this_process_may_use_all_of_its_cpu() -> None:
    busy = (replace(GOOD, cpu_share=0.99),)
    memory = ServerFacts("s", "1", "2025-11-25", "memory")
    assert faults(replace(RESULT, self_checks=busy))
    assert not faults(replace(RESULT, self_checks=busy, server=memory))
