from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.analysis.detectors.tail_amplification import detect
from groundhog_otel.store.model import Span
from tests.analysis.detectors.waiting import held_up, served
from tests.support.recorded import MS, recording, span


def _fans(
    takes_ms: Callable[[int, int], float], *, parents: int = 40, children: int = 8, gap_ms: float = 0.1
) -> list[Span]:
    """Return parents and what they wait for at once; ``takes_ms`` is given the numbers of parent and child."""
    spans = []
    for parent in range(parents):
        trace, at_ms = parent + 1, parent * 2000.0
        made = [
            span(
                "tools/call shard", trace=trace, own=child + 2, parent=1, at_ms=at_ms + gap_ms * (child + 1),
                ms=takes_ms(parent, child),
            )
            for child in range(children)
        ]  # fmt: skip
        took_ms = (max(one.end_ns for one in made) - made[0].start_ns) / MS + 1
        spans += [span("gather", kind="internal", method=None, trace=trace, own=1, at_ms=at_ms, ms=took_ms), *made]
    return spans


def _one_in_twenty(parent: int, child: int) -> float:
    """Return 200 ms for one child of every other parent or so, 10 ms else."""
    return 200 if (parent * 8 + child) % 20 == 0 else 10


def test_a_childs_tail_is_its_parents_usual_moment() -> None:
    (found,) = detect(recording(_fans(_one_in_twenty)))
    assert (found.target, found.affected) == ("gather", 16)
    assert found.figures["fan_out"] == 8
    assert found.figures["children_slow_share"] == pytest.approx(0.05)
    assert found.figures["parents_hit_share"] == pytest.approx(0.4)
    assert found.figures["expected_share"] == pytest.approx(1 - 0.95**8)
    assert found.impact_ms == pytest.approx(190, abs=1)
    assert "5.0% of these take longer than 30 ms, and 40% of gather wait for one that does" in found.says
    assert found.evidence[0].span_id != f"{1:016x}"


def test_calls_one_after_the_other_are_no_fan_out() -> None:
    assert detect(recording(_fans(_one_in_twenty, gap_ms=300))) == []


def test_children_that_are_slow_all_at_once_are_not_the_fan_outs_fault() -> None:
    assert detect(recording(_fans(lambda parent, _: 200 if parent % 8 == 0 else 10))) == []


def test_children_that_are_often_slow_have_no_tail() -> None:
    assert detect(recording(_fans(lambda parent, child: 200 if (parent + child) % 4 == 0 else 10))) == []


def test_few_parents_few_children_and_small_tails_are_no_finding() -> None:
    assert detect(recording(_fans(_one_in_twenty, parents=9))) == []
    assert (
        detect(recording(_fans(lambda parent, child: 200 if not child and parent % 4 == 0 else 10, children=2))) == []
    )
    assert detect(recording(_fans(lambda parent, child: 25 if (parent * 8 + child) % 20 == 0 else 10))) == []
    assert detect(recording(_fans(lambda _p, _c: 10))) == []


def test_what_the_server_gives_a_cause_for_is_left_out() -> None:
    fans = _fans(_one_in_twenty)
    served_late = [
        served(
            "tools/call shard", own=1000 + n, trace=int(one.trace_id, 16), parent=int(one.span_id, 16), at_ms=0, ms=190
        )
        for n, one in enumerate(fans)
        if one.kind == "client" and one.duration_s > 0.1
    ]
    assert detect(recording([*fans, *served_late])) != []
    held = [held_up(one, at_ms=0, block_ms=180) for one in served_late]
    assert detect(recording([*fans, *held])) == []
    late = [replace(one, attributes={**one.attributes, "groundhog.event_loop.lag": 0.18}) for one in served_late]
    assert detect(recording([*fans, *late])) == []


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.05, 0.3))
def test_calls_that_scatter_as_calls_do_are_no_finding(seed: int, scatter: float) -> None:
    chance = random.Random(seed)
    assert detect(recording(_fans(lambda _p, _c: 10 * chance.lognormvariate(0, scatter)))) == []
