from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from groundhog_otel.load.judgement.checks import Check
from groundhog_otel.load.judgement.thresholds import parse
from groundhog_otel.load.judgement.verdict import Verdict, judge
from groundhog_otel.load.results.result import UNFINISHED, SelfCheck
from groundhog_otel.load.session import ServerFacts
from tests.load.made import IDLE, SERVER, encoded, operation, result

FAST, SLOW = 0.010, 0.080


def _one(fast: int, slow: int, words: str = "p99<50ms", **changes: Any) -> Check:
    own = operation("tools/call add", [FAST] * fast + [SLOW] * slow, errors=changes.pop("errors", None))
    (check,) = judge(result(operations=[own], **changes), [parse(words)]).checks
    return check


@pytest.mark.parametrize(
    ("fast", "slow", "outcome", "certain"),
    [
        (990, 10, "passed", False),  # exactly 1 %
        (989, 11, "failed", False),
        (1000, 0, "passed", True),
        (900, 100, "failed", True),
        # Too few for p99.
        (10, 0, "passed", False),
        (99, 1, "undecided", False),
        (98, 2, "undecided", False),
        (96, 4, "failed", True),
        (0, 1, "failed", True),
        (0, 0, "undecided", False),
    ],
)
def test_a_percentile(fast: int, slow: int, outcome: str, certain: bool) -> None:
    check = _one(fast, slow)
    assert (check.outcome, check.certain) == (outcome, certain)
    assert check.sentence.startswith("tools/call add: p99 ")


def test_what_is_said_of_too_few() -> None:
    assert _one(99, 1).sentence == (
        "tools/call add: p99 takes 368 requests and there were 100; 1 took longer than 50 ms, which can be"
        " chance. Make the test longer"
    )
    assert _one(10, 0).sentence.endswith("there were 10; all of them took at most 50 ms")
    assert _one(90, 10).sentence.endswith("10 took longer than 50 ms, and with that bound met so many hardly ever do")
    assert _one(99, 1).measured is None


def test_what_is_said_of_enough() -> None:
    assert _one(989, 11).sentence == (
        "tools/call add: p99 is 80 ms, between 10 ms and 80 ms (p99<=50ms); 11 of 1,000 requests took longer than 50 ms"
    )


def test_a_failure_by_too_few_is_wrong_in_less_than_one_of_twenty() -> None:
    """A server that is exactly at its bound, asked 100 times: rarely may a test say that it failed."""
    generator = np.random.default_rng(1)
    slow = generator.binomial(100, 0.01, 1000)
    failed = [_one(100 - count, count).outcome == "failed" for count in range(int(slow.max()) + 1)]
    assert np.mean([failed[count] for count in slow]) < 0.05
    assert any(failed)


@pytest.mark.parametrize(
    ("words", "errors", "outcome"),
    [
        ("error_rate<=1%", {}, "passed"),
        ("error_rate<=1%", {"tool:": 1}, "passed"),
        ("error_rate<=1%", {"tool:": 1, "timeout": 1}, "failed"),
        ("error_rate<=0%", {"timeout": 1}, "failed"),
        ("error_rate<=0%", {}, "passed"),
        ("rate>=10/s", {}, "passed"),
        ("rate>=10/s", {"timeout": 1}, "failed"),
        ("rate>=9.9/s", {"timeout": 1}, "passed"),
        ("max<50ms", {}, "passed"),
        ("max<5ms", {}, "failed"),
    ],
)
def test_what_is_compared_as_measured(words: str, errors: dict[str, int], outcome: str) -> None:
    assert _one(100, 0, words, errors=errors).outcome == outcome


def test_rates_of_all_operations_together_and_of_one() -> None:
    both = result(operations=[operation("ping", [FAST] * 60), operation("tools/list", [FAST] * 60)])
    assert judge(both, [parse("rate>=12/s")]).passed
    assert not judge(both, [parse("ping: rate>=12/s")]).passed


def test_each_operation_is_checked_and_a_misspelt_one_is_not_passed_over() -> None:
    both = result(operations=[operation("ping", [FAST] * 400), operation("tools/call add", [SLOW] * 400)])
    verdict = judge(both, [parse("p99<50ms"), parse("tools/call ad: p99<50ms")])
    assert [check.outcome for check in verdict.checks] == ["passed", "failed", "undecided"]
    assert "there were: ping, tools/call add" in verdict.reasons[1]


def _verdict(*latencies_s: float, **changes: Any) -> Verdict:
    return judge(result(operations=[operation("tools/call add", latencies_s)], **changes))


def test_the_budgets_are_the_default_and_codes_tell_programs() -> None:
    passed, over, few = _verdict(*[FAST] * 400), _verdict(*[SLOW] * 400), _verdict(*[FAST] * 99, SLOW)
    assert (passed.passed, passed.exit_code, passed.reasons) == (True, 0, ())
    assert (over.passed, over.exit_code) == (False, 3)
    assert (few.passed, few.valid, few.exit_code) == (False, True, 4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cpu_share": 0.97}, "worker 2 of the generator used 97 % of a CPU"),
        (
            {"scheduling_errors": encoded([0.0] * 380 + [0.02] * 20)},
            "began 20 of 400 requests more than 8.0 ms late, beside a p99 of 80 ms",
        ),
        ({"gc_pause_total_s": 1.0}, "stopped by the garbage collector for 10 % of the test"),
    ],
)
def test_a_generator_that_was_the_bottleneck_blames_no_server(change: dict[str, Any], said: str) -> None:
    busy: SelfCheck = replace(IDLE, worker=2, **change)
    verdict = _verdict(*[SLOW] * 400, self_checks=(IDLE, busy))
    assert (verdict.passed, verdict.valid, verdict.exit_code) == (False, False, 4)
    assert said in verdict.reasons[0]
    assert not _verdict(*[FAST] * 400, self_checks=(IDLE, busy)).passed


def test_a_generator_that_was_late_by_little_is_sound() -> None:
    assert _verdict(*[FAST] * 400, self_checks=(replace(IDLE, scheduling_errors=encoded([0.0009] * 400)),)).passed
    assert _verdict(*[0.045] * 400, self_checks=(replace(IDLE, scheduling_errors=encoded([0.004] * 400)),)).passed


@pytest.mark.parametrize(
    ("late", "of", "valid"),
    # 1 % of them may be late. So many are or more, by chance, in less than 5 % of tests: scipy.stats.binom.sf.
    [
        (1, 1, True),
        (1, 30, True),
        (2, 2, True),
        (3, 3, False),
        (3, 100, True),
        (4, 100, False),
        (15, 1000, True),
        (16, 1000, False),
        (1010, 100_000, True),
        (1060, 100_000, False),
    ],
)
def test_as_many_have_to_be_late_as_chance_does_not_explain(late: int, of: int, valid: bool) -> None:
    errors = encoded([0.03] * late + [0.0] * (of - late))
    verdict = _verdict(*[FAST] * 400, self_checks=(replace(IDLE, scheduling_errors=errors),))
    assert verdict.valid is valid
    assert f"worker 0 of the generator began {late:,} of {of:,} requests more than 1.0 ms late" in verdict.reasons[0]
    assert ("so few may be chance" in verdict.reasons[0]) is valid


@pytest.mark.parametrize(
    ("begun", "due", "valid"),
    [(0, 1, True), (0, 2, False), (8, 10, True), (7, 10, False), (91, 100, True), (89, 100, False)],
)
def test_as_many_rounds_have_to_be_missing_as_chance_does_not_explain(begun: int, due: int, valid: bool) -> None:
    assert _verdict(*[FAST] * 400, self_checks=(replace(IDLE, due=due, begun=begun),)).valid is valid


def test_one_busy_window_is_noted() -> None:
    verdict = _verdict(*[FAST] * 400, self_checks=(replace(IDLE, cpu_share_max=0.99),))
    assert verdict.passed
    assert "99 % of a CPU at its busiest" in verdict.reasons[0]


def test_a_server_in_the_same_process_uses_its_cpu() -> None:
    memory = replace(SERVER, transport="memory")
    assert isinstance(memory, ServerFacts)
    verdict = _verdict(*[FAST] * 400, server=memory, self_checks=(replace(IDLE, cpu_share=1.0),))
    assert verdict.passed
    assert "in the generator's process" in verdict.reasons[0]


def test_nothing_was_counted() -> None:
    verdict = judge(result(operations=()))
    assert (verdict.passed, verdict.valid, verdict.exit_code) == (False, False, 4)
    assert "no request was counted" in verdict.reasons[0]


def test_queueing_is_named() -> None:
    queueing = operation("tools/call add", [0.045] * 400, service_s=[0.030] * 400)
    level = operation("ping", [0.045] * 400, service_s=[0.042] * 400)
    verdict = judge(result(operations=[queueing, level]))
    assert verdict.passed
    assert verdict.reasons == (
        "tools/call add is queueing: p99 is 45 ms from when requests were due, and 30 ms from when they were sent",
    )


def test_of_few_requests_no_percentile_is_named() -> None:
    queueing = operation("tools/call add", [0.045] * 60, service_s=[0.030] * 60)
    assert not [one for one in judge(result(operations=[queueing])).reasons if "queueing" in one]


def _unfinished(count: int, words: str, answered: int = 1000) -> Verdict:
    """Judge a test at whose end some requests had been waiting for a fast one's time."""
    own = operation("tools/call add", [FAST] * (answered + count), errors={UNFINISHED: count})
    return judge(result(operations=[own], unfinished=count), [parse(words)])


def test_requests_that_were_given_up_could_all_be_slow() -> None:
    few, many = _unfinished(3, "p99<50ms"), _unfinished(30, "p99<50ms")
    assert few.passed
    assert "3 requests had no answer" in few.reasons[0]
    assert "1 request had no answer" in _unfinished(1, "p99<50ms").reasons[0]
    assert (many.passed, many.exit_code) == (False, 4)
    assert "undecided: 30 had no answer when the test was over" in many.reasons[0]
    assert _unfinished(1, "p99<50ms", 10).checks[0].outcome == "undecided"
    assert _unfinished(1, "max<50ms").checks[0].outcome == "undecided"


def test_requests_that_were_given_up_are_errors_and_counted_once() -> None:
    (check,) = _unfinished(30, "error_rate<=2%").checks
    assert check.outcome == "failed"
    assert check.measured == pytest.approx(30 / 1030)


def test_an_interrupted_test_is_judged_and_says_so() -> None:
    verdict = _verdict(*[FAST] * 400, interrupted="Ctrl-C")
    assert verdict.passed
    assert "the test ended early (Ctrl-C)" in verdict.reasons[0]
