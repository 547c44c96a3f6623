"""Effects and verdicts of blocks whose truth is known."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from groundhog_otel.optimizer.blocks import Block
from groundhog_otel.optimizer.effects import Effect, effects, errors_of
from groundhog_otel.optimizer.verdict import Guards, Verdict, judge
from tests.optimizer.made import blocks

LATENCY = ("p50", "p99")


def _judged(made: list[Block], promised: tuple[str, ...] = LATENCY, **options: Any) -> Verdict:
    return judge(effects(made, promised=promised), errors_of(made), promised=promised, **options)


def _effect(made: list[Block], measure: str) -> Effect:
    return next(one for one in effects(made, promised=LATENCY) if one.measure == measure)


@cache
def _alike(number: int) -> list[list[Block]]:
    return [blocks(seed, number=number, requests=20, noise=0.3) for seed in range(120)]


@pytest.mark.parametrize("number", [5, 8])
@pytest.mark.parametrize("promised", [("p50",), LATENCY, ("p50", "p99", "cpu")])
def test_where_there_is_nothing_hardly_anything_is_kept(number: int, promised: tuple[str, ...]) -> None:
    # Any improvement would do, and no guard stands in the way: what is left is chance alone.
    no_guards = Guards(most={"p99 of tools/call render": 1e9, "p99 of tools/call quick": 1e9})
    kept = [_judged(one, promised, relevant=0.0, guards=no_guards).decision for one in _alike(number)].count("kept")
    assert kept <= 0.05 * len(_alike(number))


def test_a_true_effect_is_found_though_the_machine_drifts() -> None:
    found = [_judged(blocks(seed, factor=0.6, drift=0.8)).decision for seed in range(30)]
    assert found.count("kept") >= 28


def test_an_interval_holds_the_truth() -> None:
    held = [
        one.low <= -0.2 <= one.high
        for one in (_effect(blocks(seed, factor=0.8, noise=0.2), "mean") for seed in range(60))
    ]
    assert sum(held) >= 54


def test_intervals_of_what_is_promised_are_wider_for_there_are_more_of_them() -> None:
    made = blocks(1)
    alone = next(one for one in effects(made, promised=("p50",)) if one.measure == "p50")
    together = next(one for one in effects(made, promised=LATENCY) if one.measure == "p50")
    assert (alone.confidence, together.confidence) == (0.95, 0.975)
    assert together.high - together.low >= alone.high - alone.low


def test_every_measure_is_there_and_says_what_it_was_made_with() -> None:
    made = blocks(3, factor=0.5, cpu=2.0, memory=1.5, noise=0.0, drift=0.0)
    found = {one.measure: one for one in effects(made)}
    assert list(found) == [
        "mean", "p50", "p99", "cpu", "memory", "p99 of tools/call quick", "p99 of tools/call render",
    ]  # fmt: skip
    # p50 of the two operations, 20 ms and 2 ms, that are called equally often.
    assert found["p50"].without == pytest.approx(0.011, rel=0.1)
    assert found["p50"].change == pytest.approx(-0.5, abs=0.1)
    assert found["cpu"].change == pytest.approx(1.0, abs=0.1)
    assert found["cpu"].without == pytest.approx(0.001, rel=0.1)
    assert found["memory"].change == pytest.approx(0.5, abs=0.01)
    assert all(one.low < one.change < one.high for one in found.values())


def test_an_operation_that_is_hardly_called_says_nothing() -> None:
    made = blocks(4, requests=1)
    assert [one.measure for one in effects(made, promised=LATENCY)] == ["cpu", "memory"]
    assert _judged(made) == Verdict("refused", "there were too few requests to tell anything: let blocks be longer")


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ({"fails": 0.05}, "of requests fail with it, 0 % without"),
        ({"cpu": 1.6}, "cpu suffers: cpu +"),
        ({"memory": 1.3}, "memory suffers: memory +30 %"),
        ({"tail": 6.0, "requests": 300}, "p99 suffers"),
    ],
)
def test_what_helps_is_not_kept_when_something_else_suffers(harm: dict[str, float], says: str) -> None:
    options: dict[str, Any] = {"factor": 0.5, "noise": 0.02, **harm}
    verdict = _judged(blocks(5, **options), ("p50",))
    assert verdict.decision == "reverted"
    assert says in verdict.why
    better = {name: value for name, value in options.items() if name not in harm}
    assert _judged(blocks(5, **better), ("p50",)).decision == "kept"


def test_what_is_certain_but_small_is_not_kept() -> None:
    made = blocks(6, factor=0.98, noise=0.0, requests=2000)
    assert _effect(made, "p50").high < 0
    verdict = _judged(made)
    assert verdict.decision == "refused"
    assert verdict.why.startswith("no improvement is proven: p50 -3 % (-3 % to -2 %)")


def test_one_operation_may_not_pay_for_another() -> None:
    fast = blocks(7, operations={"tools/call a": 0.1}, factor=0.3, noise=0.02)
    slow = blocks(8, operations={"tools/call b": 0.001}, factor=2.0, noise=0.02)

    def both(first: Any, second: Any) -> Any:
        response = {**first.response, **second.response}
        return type(first)(response, first.count + second.count, 0, first.cpu_s, first.memory_bytes)

    made = [
        Block(
            tuple(map(both, one.without, other.without)),
            tuple(map(both, one.changed, other.changed)),
        )
        for one, other in zip(fast, slow, strict=True)
    ]
    verdict = _judged(made)
    assert verdict.decision == "reverted"
    assert "p99 of tools/call b suffers" in verdict.why


def test_an_error_or_two_may_be_chance() -> None:
    made = blocks(9, factor=0.5, noise=0.02)
    first = made[0].changed[0]
    one_failed = type(first)(first.response, first.count, 1, first.cpu_s, first.memory_bytes)
    made[0] = Block(made[0].without, (one_failed, made[0].changed[1]))
    assert errors_of(made).changed == 1
    assert _judged(made).decision == "kept"
