from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.load.arrivals import Poisson
from groundhog_otel.load.engine.schedule import WHOLE, Share
from groundhog_otel.load.engine.share import run_share
from groundhog_otel.load.engine.stopping import Stop
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step
from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.results.merging import merge
from groundhog_otel.load.results.result import LoadResult, Request
from groundhog_otel.load.session import Answer
from tests.load.fake import Call, FakeTarget, VirtualClock, virtually

SCENARIOS = tuple(Scenario(name, (Step(target=name),)) for name in ("quick", "slow", "broken"))
CONFIG = LoadTestConfig(
    duration=20, arrivals=Poisson(60), concurrent_users=6, warm_up=1, test_scenarios=SCENARIOS, seed=3
)


async def _behave(call: Call) -> Answer:
    """How long it takes follows from when it was due, so it is the same in whichever process."""
    import asyncio

    draw = Random(f"{call.at_s:.6f}")
    if call.target == "broken":
        return Answer(None, "jsonrpc", f"-3200{draw.randrange(3)}", "broken")
    await asyncio.sleep(draw.expovariate(1 / (0.2 if call.target == "slow" else 0.02)))
    return Answer({})


def done(share: Share, config: LoadTestConfig = CONFIG) -> LoadResult:
    """Return the result of a share of a test; of the usual one it is always the same."""
    if config is not CONFIG:
        return _done(share, config)
    return DONE.get(share) or DONE.setdefault(share, _done(share, config))


DONE: dict[Share, LoadResult] = {}


def _done(share: Share, config: LoadTestConfig) -> LoadResult:
    async def work(clock: VirtualClock) -> LoadResult:
        async def at_one(_clock: object) -> int:
            return 1_000_000_000  # a start barrier: opening sessions takes different times

        return await run_share(
            FakeTarget(_behave), config, run_id="r", stop=Stop(), share=share, gate=at_one, clock=clock
        )

    return virtually(work)


def test_parts_of_a_test_are_together_exactly_the_whole() -> None:
    whole = done(WHOLE)
    merged = merge([done(Share(index, 3)) for index in range(3)])
    assert merged.operations == whole.operations
    assert merged.windows == whole.windows
    assert [(one.intended_ns, one.ended_ns) for one in merged.slowest] == [
        (one.intended_ns, one.ended_ns) for one in whole.slowest
    ]
    assert merged.connections_peak == whole.connections_peak == 6
    assert merged.unfinished == whole.unfinished
    assert merged.duration_s == whole.duration_s
    assert merged.started_at_ns == whole.started_at_ns
    assert merged.workers == 3
    assert [check.worker for check in merged.self_checks] == [0, 1, 2]
    assert sum(check.due for check in merged.self_checks) == whole.self_checks[0].due
    assert len(merged.sample) == len(whole.sample) == 500


def test_the_order_of_parts_is_of_no_consequence_but_to_the_sample() -> None:
    parts = [done(Share(index, 3)) for index in range(3)]
    assert replace(merge(parts[::-1]), sample=()) == replace(merge(parts), sample=())
    assert replace(merge([merge(parts[:2]), parts[2]]), sample=()) == replace(merge(parts), sample=())


def test_one_part_is_itself() -> None:
    part = done(Share(1, 3))
    assert merge([part]) == part


def _part(name: str, count: int, sample: int) -> LoadResult:
    """A result with ``count`` requests, of which the first ``sample`` are in its sample, under its name."""
    whole = done(WHOLE, replace(CONFIG, duration=0.2, test_scenarios=SCENARIOS[:1]))
    requests = tuple(Request(name, "s", f"{number:032x}", "0", 0, 0, None, None, 1) for number in range(sample))
    return replace(whole, operations=(replace(whole.operations[0], count=count),), sample=requests)


def test_the_sample_is_drawn_from_each_part_by_its_share_of_the_requests() -> None:
    merged = merge([_part("many", 9000, 500), _part("few", 1000, 500)])
    many = sum(one.operation == "many" for one in merged.sample)
    assert len(merged.sample) == 500
    # Hypergeometric: 450 of 500, with a standard deviation of 6.5.
    assert many == pytest.approx(450, abs=5 * 6.5)
    assert len(set(merged.sample)) == 500


def test_a_small_test_keeps_all_of_its_requests_in_the_sample() -> None:
    merged = merge([_part("a", 30, 30), _part("b", 20, 20)])
    assert len(merged.sample) == 50


def test_parts_that_ended_early_say_why_once() -> None:
    parts = [replace(done(Share(number, 3)), interrupted="Ctrl-C" if number else None) for number in range(3)]
    assert merge(parts).interrupted == "Ctrl-C"
    assert merge(parts[:1]).interrupted is None


def test_whole_tests_may_be_many_and_their_workers_get_numbers_of_their_own() -> None:
    whole = done(Share(0, 1))
    another = replace(whole, started_at_ns=whole.started_at_ns + 1)
    assert [check.worker for check in merge([whole, another]).self_checks] == [0, 1]


@pytest.mark.parametrize("of", [1, 3])
def test_a_result_that_is_given_twice_is_refused(of: int) -> None:
    one = done(Share(0, of))
    with pytest.raises(LoadError, match="there twice"):
        merge([one, one])


@pytest.mark.parametrize(
    ("other", "part"),
    [
        (replace(CONFIG, seed=4), "differ in seed"),
        (replace(CONFIG, duration=21), "differ in duration"),
        (replace(CONFIG, arrivals=None), "An open and a closed model cannot be merged"),
    ],
)
def test_parts_of_different_tests_are_refused(other: LoadTestConfig, part: str) -> None:
    with pytest.raises(LoadError, match=part):
        merge([done(Share(0, 3)), done(Share(1, 3), other)])


def test_nothing_cannot_be_merged() -> None:
    with pytest.raises(LoadError, match="nothing to merge"):
        merge([])


@cache
def _of_four() -> LoadResult:
    return replace(merge([done(Share(index, 4)) for index in range(4)]), sample=())


@settings(deadline=None, max_examples=10)
@given(st.permutations(range(4)), st.integers(1, 3))
def test_merging_is_associative(order: list[int], cut: int) -> None:
    parts = [done(Share(index, 4)) for index in order]
    merged = merge([merge(parts[:cut]), merge(parts[cut:])])
    assert replace(merged, sample=()) == _of_four()


def test_a_file_holds_all_of_a_result() -> None:
    result = replace(done(WHOLE), interrupted="Ctrl-C")
    assert result_files.loads(result_files.dumps(result)) == result
