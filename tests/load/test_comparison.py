from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from groundhog_otel.load.judgement.changes import Comparison
from groundhog_otel.load.judgement.comparison import compare
from groundhog_otel.load.results.machine import machine_facts
from tests.load.made import IDLE, SERVER, operation, result

_Windows = Sequence[NDArray[np.float64]]


def _steady(generator: np.random.Generator, windows: int, *, pace: float = 1.0, requests: int = 150) -> _Windows:
    """Latencies as of a server whose windows differ a little: by 3 %, more than chance would have it."""
    paces = pace * generator.lognormal(0, 0.03, windows)
    return [0.01 * each * generator.lognormal(0, 0.3, requests) for each in paces]


def _compared(before: _Windows, now: _Windows, **options: Any) -> Comparison:
    return compare(result({"tools/call add": before}), result({"tools/call add": now}), **options)


def test_two_halves_of_a_steady_run_do_not_differ() -> None:
    generator, trials = np.random.default_rng(1), 40
    found: Counter[str] = Counter()
    for _ in range(trials):
        run = _steady(generator, 40)
        found[_compared(run[:20], run[20:]).finding] += 1
    assert found["no difference"] >= 0.95 * trials, found


def test_ten_percent_slower_is_found_and_ten_percent_faster() -> None:
    generator, trials = np.random.default_rng(2), 10
    for _ in range(trials):
        before, now = _steady(generator, 20), _steady(generator, 20, pace=1.1)
        assert _compared(before, now).finding == "worse"
        assert _compared(now, before).finding == "better"


def test_a_percentage_alone_never_decides() -> None:
    """The median is 40 % up, in windows that differ by more than that among themselves."""
    paces = [0.5, 1.0, 2.0, 1.0, 0.5, 2.0, 1.0, 0.6, 1.8, 1.2]
    before = [np.full(60, 0.010 * pace) for pace in paces]
    now = [np.full(60, 0.014 * pace) for pace in paces]
    (one,) = _compared(before, now).operations
    assert one.changes[0].relative == pytest.approx(0.4, abs=0.01)
    assert one.finding == "too little data"


def test_certainty_alone_never_decides() -> None:
    """Ten thousand requests, all of them 1 % slower: certain, and nothing that anybody would notice."""
    grid = 0.010 * np.linspace(0.9, 1.1, 500)
    before, now = (result({"ping": [grid * pace] * 20}) for pace in (1.0, 1.01))
    (one,) = compare(before, now).operations
    assert one.finding == "no difference"
    assert one.changes[0].low > 0
    assert one.ranks.p < 0.01
    assert one.chance_slower[0] > 0.5
    assert compare(before, now, relevant=0.005).finding == "worse"


def test_a_tail_that_grew_is_worse_though_the_median_is_what_it_was() -> None:
    generator = np.random.default_rng(3)
    before = _steady(generator, 20)
    now = [np.concatenate([window[:-6], window[-6:] * 3]) for window in _steady(generator, 20)]
    (one,) = _compared(before, now).operations
    assert [change.finding for change in one.changes] == ["no difference", "worse"]
    assert one.finding == "worse"
    assert one.sentence.startswith("tools/call add: worse: p50 10 ms before, 10 ms now (")


@pytest.mark.parametrize(
    ("windows", "requests", "said"),
    [(9, 100, "10 windows of each test, and one has 9"), (12, 20, "368 requests of each test, and one has 240")],
)
def test_too_little(windows: int, requests: int, said: str) -> None:
    generator = np.random.default_rng(4)
    comparison = _compared(_steady(generator, 20), _steady(generator, windows, requests=requests))
    assert comparison.finding == "too little data"
    assert comparison.exit_code == 4
    assert said in comparison.operations[0].sentence


def test_failing_fast_is_not_better() -> None:
    before = [np.full(50, 0.05)] * 20
    now = [np.full(50, 0.01)] * 20
    broken = result({"ping": now}, operations=[operation("ping", [0.01] * 1000, errors={"tool:": 500})])
    comparison = compare(result({"ping": before}), broken)
    (one,) = comparison.operations
    assert (one.finding, one.errors.finding, comparison.exit_code) == ("worse", "worse", 3)
    assert "0 % of requests failed before, 50 % now" in one.sentence


def test_a_few_errors_more_are_chance() -> None:
    windows = [np.full(50, 0.05)] * 20
    one = result({"ping": windows}, operations=[operation("ping", [0.05] * 1000, errors={"timeout": 3})])
    assert compare(result({"ping": windows}), one).finding == "no difference"


def test_in_what_else_they_differ() -> None:
    windows = {"ping": [np.full(50, 0.05)] * 12}
    before = result(windows, machine={"cpus": "2"}, config={"concurrent_users": 4, "deep": {"seed": 1}})
    now = result(
        {**windows, "tools/list": windows["ping"]},
        machine={"cpus": "8"},
        server=replace(SERVER, version="1.1"),
        config={"concurrent_users": 8, "deep": {"seed": 1}},
        self_checks=(replace(IDLE, cpu_share=0.99),),
        interrupted="Ctrl-C",
    )
    notes = compare(before, now).notes
    assert notes[0].startswith("the result is not valid: worker 0 of the generator used 99 % of a CPU")
    assert notes[1:] == (
        "the result ended early: Ctrl-C",
        "tools/list is in the result only",
        "config.concurrent_users differs: 4 before, 8 now",
        "machine.cpus differs: 2 before, 8 now",
        "server.version differs: 1.0 before, 1.1 now",
    )
    assert compare(before, before).notes == ()


def test_nothing_in_common() -> None:
    one, other = (result({name: [np.full(50, 0.05)] * 12}) for name in ("ping", "tools/list"))
    comparison = compare(one, other)
    assert (comparison.finding, comparison.operations) == ("too little data", ())
    assert "ping is in the baseline only" in comparison.notes


def test_what_a_machine_is_called_by() -> None:
    facts = machine_facts()
    assert {"system", "processor", "cpus", "memory_gb", "python", "mcp"} == set(facts)
    assert all(facts.values())
