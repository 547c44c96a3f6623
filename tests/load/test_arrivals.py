from __future__ import annotations

import json
from collections import deque
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from groundhog_otel.load.arrivals import Arrivals, Constant, Poisson, Ramp, Replay, Spike, Steps, parse
from groundhog_otel.load.arrivals.recorded import replay_of
from groundhog_otel.load.engine.trace import RUN_ID
from groundhog_otel.load.errors import LoadError
from groundhog_otel.store.layout import prepare, signal_file
from groundhog_otel.store.model import Span
from tests.support.recorded import SERVER, span, traces_line

RATES = st.floats(0.5, 500)
SECONDS = st.floats(0.5, 20)
EVEN: st.SearchStrategy[Arrivals] = st.one_of(
    st.builds(Constant, RATES),
    st.builds(Ramp, RATES, RATES),
    st.builds(Ramp, st.just(0.0), RATES),
    st.builds(Ramp, RATES, st.just(0.0)),
    st.builds(Spike, RATES, RATES, SECONDS, SECONDS),
    st.lists(st.tuples(st.one_of(RATES, st.just(0.0)), SECONDS), min_size=1, max_size=5)
    .filter(lambda steps: any(rate for rate, _ in steps))
    .map(lambda steps: Steps(tuple(steps))),
)
ANY = st.one_of(EVEN, st.builds(Poisson, RATES))


def _integral(arrivals: Any, duration: float) -> float:
    """The number of starts that the rate adds up to, reckoned in another way than the schedules do."""
    if isinstance(arrivals, (Constant, Poisson)):
        return arrivals.rate * duration
    if isinstance(arrivals, Ramp):
        return (arrivals.first + arrivals.last) / 2 * duration
    if isinstance(arrivals, Spike):
        within = max(0.0, min(arrivals.at + arrivals.lasting, duration) - min(arrivals.at, duration))
        return arrivals.peak * within + arrivals.base * (duration - within)
    assert isinstance(arrivals, Steps)
    left, total = duration, 0.0
    for number, (rate, seconds) in enumerate(arrivals.steps):
        lasting = left if number == len(arrivals.steps) - 1 else min(seconds, left)
        total, left = total + rate * lasting, left - lasting
    return total


@given(ANY, SECONDS, st.integers())
def test_times_ascend_within_the_test_and_come_from_the_seed_alone(
    arrivals: Arrivals, duration: float, seed: int
) -> None:
    times = list(arrivals.times(duration, seed))
    assert all(0 <= time < duration for time in times)
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert times == list(arrivals.times(duration, seed))


@given(EVEN, SECONDS)
def test_as_many_start_as_the_rate_adds_up_to(arrivals: Arrivals, duration: float) -> None:
    assert sum(1 for _ in arrivals.times(duration, 0)) == pytest.approx(_integral(arrivals, duration), abs=1.001)


@given(EVEN, st.floats(0.1, 10), st.floats(0, 10))
def test_as_many_start_in_every_part_as_the_rate_adds_up_to(arrivals: Arrivals, length: float, begin: float) -> None:
    duration = 20.0
    inside = sum(1 for time in arrivals.times(duration, 0) if begin <= time < begin + length)
    if isinstance(arrivals, Ramp):
        slope = (arrivals.last - arrivals.first) / duration
        expected = length * (arrivals.first + slope * (begin + length / 2))
    else:
        expected = _integral(arrivals, begin + length) - _integral(arrivals, begin)
    assert inside == pytest.approx(expected, abs=1.001)


@pytest.mark.parametrize("seed", range(5))
def test_poisson_gaps_are_exponential_and_independent(seed: int) -> None:
    times = list(Poisson(200).times(60, seed))
    gaps = [later - earlier for earlier, later in pairwise([0.0, *times])]
    assert stats.kstest(gaps, "expon", args=(0, 1 / 200)).pvalue > 1e-4
    assert abs(stats.pearsonr(gaps[:-1], gaps[1:]).statistic) < 0.05
    # Given how many there are, they are spread evenly.
    assert stats.kstest(times, "uniform", args=(0, 60)).pvalue > 1e-4
    assert stats.poisson.cdf(len(times), 200 * 60) == pytest.approx(0.5, abs=0.4999)


def test_another_seed_is_another_schedule() -> None:
    assert list(Poisson(50).times(5, 1)) != list(Poisson(50).times(5, 2))


def test_no_error_adds_up_over_a_day() -> None:
    (last,) = deque(Constant(7).times(86_400, 0), maxlen=1)
    assert last == (7 * 86_400 - 1) / 7


@given(ANY)
def test_a_result_can_tell_of_it(arrivals: Arrivals) -> None:
    assert json.loads(json.dumps(arrivals.as_dict()))["kind"] == type(arrivals).__name__.lower()


@pytest.mark.parametrize(
    ("words", "arrivals"),
    [
        ("200", Constant(200)),
        ("200/s", Constant(200)),
        ("90/min", Constant(1.5)),
        ("constant:10/s", Constant(10)),
        ("poisson:200/s", Poisson(200)),
        ("ramp:10/s,200/s", Ramp(10, 200)),
        ("steps:50/s for 30s, 100/s for 1min", Steps(((50, 30), (100, 60)))),
        ("spike:50/s,500/s at 20s for 500ms", Spike(50, 500, 20, 0.5)),
    ],
)
def test_schedules_as_they_are_written(words: str, arrivals: Arrivals) -> None:
    assert parse(words) == arrivals


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("fast", "'fast' is no rate: write it like 200/s or 90/min"),
        ("posson:3/s", "'posson' is no kind of arrivals; write one like: constant:100/s"),
        ("poisson:3/day", "'3/day' is no rate"),
        ("poisson:0/s", "A rate of 0 starts nothing"),
        ("-5/s", "is no rate"),
        ("ramp:3/s", "'ramp:3/s' is not understood: write it like ramp:10/s,200/s"),
        ("steps:3/s", "write it like steps:50/s for 30s,100/s for 1min"),
        ("steps:3/s for long", "'long' is no time: write it like 30s, 500ms, 5min or 2h"),
        ("spike:3/s,5/s", "write it like spike:50/s,500/s at 20s for 5s"),
        ("replay:/no/such/folder", "There is no folder /no/such/folder"),
    ],
)
def test_what_is_none_gets_one_sentence(words: str, part: str) -> None:
    with pytest.raises(LoadError) as raised:
        parse(words)
    assert part in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Constant(0),
        lambda: Poisson(-1),
        lambda: Ramp(0, 0),
        lambda: Steps(()),
        lambda: Steps(((0, 5),)),
        lambda: Spike(1, float("nan"), 1, 1),
        lambda: Replay(()),
        lambda: Replay((1.0, 0.5)),
        lambda: Constant(float("inf")),
    ],
)
def test_schedules_that_start_nothing_are_refused(make: Any) -> None:
    with pytest.raises(LoadError):
        make()


def test_a_recording_is_replayed_by_the_starts_of_its_requests(tmp_path: Path) -> None:
    spans = (
        span("initialize", trace=1, own=1, at_ms=0),
        span("tools/call a", trace=2, own=1, at_ms=500),
        # Another client span of the same trace is a request of its own, unless an MCP request has led to it.
        span("agent", kind="internal", method=None, trace=3, own=1, at_ms=700),
        span("tools/call b", trace=3, own=2, parent=1, at_ms=800),
        span("tools/call c", trace=3, own=3, parent=1, at_ms=900),
        span("sampling/createMessage", trace=3, own=5, parent=4, at_ms=901),
        span("notifications/cancelled", trace=4, own=1, at_ms=1000),
        span("prompts/get d", trace=5, own=1, parent=77, at_ms=600),  # its parent was not recorded
    )
    served = (
        span("tools/call b", kind="server", process=SERVER, trace=3, own=4, parent=2, at_ms=802),
        span("ping", kind="server", process=SERVER, trace=6, own=1, at_ms=1500),
    )
    run = prepare(tmp_path, "run-1")
    signal_file(run, service="app", pid=11, signal="traces").write_text(traces_line(*spans))
    signal_file(run, service="srv", pid=22, signal="traces").write_text(traces_line(*served))
    found = parse(f"replay:{tmp_path}")
    assert found == replay_of(tmp_path, run="run-1")
    assert list(found.times(60, 0)) == pytest.approx([0, 0.1, 0.3, 0.4, 1.0])
    assert list(found.times(0.35, 0)) == pytest.approx([0, 0.1, 0.3])


def _tested(one: Span) -> Span:
    """Return a span as a load test writes it."""
    return replace(one, attributes={**one.attributes, RUN_ID: "run"})


def _run(store: Path, name: str, *spans: Span) -> None:
    run = prepare(store, name)
    signal_file(run, service="app", pid=11, signal="traces").write_text(traces_line(*spans))


def test_the_newest_run_with_requests_is_replayed_and_a_load_tests_own_only_by_its_name(tmp_path: Path) -> None:
    _run(tmp_path, "run-1", span("tools/call old", trace=1))
    _run(tmp_path, "run-2", span("tools/call a", trace=1), span("tools/call b", trace=2, at_ms=300))
    _run(tmp_path, "run-3", _tested(span("tools/call c")))
    _run(tmp_path, "run-4", span("initialize"))
    found = parse(f"replay:{tmp_path}")
    assert found == replay_of(tmp_path, run="run-2")
    assert list(found.times(60, 0)) == pytest.approx([0, 0.3])
    assert list(parse(f"replay:{tmp_path / 'run-3'}").times(60, 0)) == [0]
    assert list(replay_of(tmp_path, run="run-3").times(60, 0)) == [0]


def test_recordings_without_requests_cannot_be_replayed(tmp_path: Path) -> None:
    for number in range(1, 4):
        _run(tmp_path, f"run-{number}", span("initialize"))
    with pytest.raises(LoadError, match=r"is nothing to replay.*: run-3 holds no request, .*no request\. Record"):
        parse(f"replay:{tmp_path}")
    _run(tmp_path, "run-4", _tested(span("tools/call c")))
    with pytest.raises(LoadError, match=r"run-4 is a load test's own, .* and 1 more. Record requests .* groundhog run"):
        parse(f"replay:{tmp_path}")
    with pytest.raises(LoadError, match="run-2 holds no request"):
        replay_of(tmp_path, run="run-2")
