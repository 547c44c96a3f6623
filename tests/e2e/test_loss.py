"""What is lost when parts of the pipeline die, are away, full or overloaded. Long runs: docs/loss.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pipeline import kills

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.mark.parametrize("jaeger", [True, False], ids=["Jaeger there", "Jaeger away"])
def test_a_collector_killed_under_load_loses_nothing_that_it_had_sampled(tmp_path: Path, jaeger: bool) -> None:
    found = kills.killed(tmp_path, kills=2, under_load=True, jaeger=jaeger)
    assert found.to_be_kept > 1000
    assert found.seen["sampled and lost"] == 0
    assert found.lost == found.named, "only what was in the sampler's inbox"


def test_a_collector_killed_when_all_is_sampled_loses_nothing(tmp_path: Path) -> None:
    found = kills.killed(tmp_path, kills=1, under_load=False, jaeger=False)
    assert found.to_be_kept > 500
    assert found.lost == 0


def test_nothing_is_lost_while_jaeger_is_away(tmp_path: Path) -> None:
    found = kills.jaeger_away(tmp_path, for_s=6)
    assert found.to_be_kept > 1000
    assert found.lost == 0


def test_what_does_not_fit_into_the_queue_is_counted_to_the_span(tmp_path: Path) -> None:
    found = kills.queue_full(tmp_path, for_s=5)
    assert found.lost > 0
    assert found.lost == found.named


def test_the_sampler_holds_what_comes_within_its_wait_and_no_more(tmp_path: Path) -> None:
    found = kills.undecided(tmp_path, for_s=8, wait_s=3, per_s=10)
    assert found.seen["pace"] * 2 < found.seen["most"] < found.seen["pace"] * (3 + 2) * 1.2


def test_too_many_undecided_traces_cost_no_slow_one(tmp_path: Path) -> None:
    found = kills.overflowing(tmp_path, for_s=3, live=500)
    assert found.seen["most"] <= 500
    assert found.seen["early"] > 1000
    assert found.to_be_kept > 300
    assert found.lost == 0
