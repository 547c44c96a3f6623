from __future__ import annotations

from collections.abc import Sequence

import pytest

from groundhog_otel.analysis.detectors.gc_pauses import detect
from groundhog_otel.store.model import Buckets, Histogram, Process, Span
from tests.analysis.detectors.waiting import served
from tests.support.recorded import MS, SERVER, START, recording

BOUNDARIES = (0.001, 0.01, 0.1)


def _pauses(
    points: Sequence[tuple[float, tuple[int, ...], float]], *, generation: int = 2, process: Process = SERVER
) -> Histogram:
    """Return a generation's histogram: at each time (ms), the counts up to 1, 10 and 100 ms and above, and the sum."""
    return Histogram(
        "groundhog.gc.pause", "s", process, {"cpython.gc.generation": generation}, BOUNDARIES,
        tuple(Buckets(START + int(at_ms * MS), sum(counts), total, counts) for at_ms, counts, total in points),
    )  # fmt: skip


def _calls(times: int, *, at_once: int = 1) -> list[Span]:
    """Return calls of 100 ms, one after the other, as many at once as is said."""
    return [
        served(own=number * at_once + one + 1, at_ms=number * 100, ms=100)
        for number in range(times)
        for one in range(at_once)
    ]


EVERY_SECOND = [(n * 1000.0, (0, 0, n * 2, 0), n * 0.1) for n in range(6)]
"""Two pauses of 50 ms a second."""


def test_pauses_hit_as_many_operations_as_are_under_way() -> None:
    (alone,) = detect(recording(_calls(50), histograms=(_pauses(EVERY_SECOND),)))
    assert (alone.target, alone.affected, alone.action) == ("", 10, "gc_freeze")
    assert alone.impact_ms == pytest.approx(50)
    (three,) = detect(recording(_calls(50, at_once=3), histograms=(_pauses(EVERY_SECOND),)))
    assert three.affected == 30
    assert three.total_ms == pytest.approx(1500)


def test_what_is_shown_took_longer_than_usual_while_there_were_pauses() -> None:
    calls = [*_calls(50), served(own=900, at_ms=2100, ms=180)]
    (found,) = detect(recording(calls, histograms=(_pauses(EVERY_SECOND),)))
    assert found.evidence[0].span_id == f"{900:016x}"
    assert "80 ms above its median" in found.evidence[0].says


def test_short_pauses_are_not_counted_and_their_time_is_not_either() -> None:
    points = [(n * 1000.0, (0, n, n * 2, 0), n * 0.108) for n in range(6)]
    (found,) = detect(recording(_calls(50), histograms=(_pauses(points),)))
    assert found.figures["pauses"] == 10
    assert found.impact_ms == pytest.approx((0.108 - 0.01) / 2 * 1000)


def test_collections_of_a_late_machine_are_no_pauses() -> None:
    points = [(n * 1000.0, (n * 50, 0, n * 2, 0), n * 0.12) for n in range(6)]
    assert detect(recording(_calls(50), histograms=(_pauses(points, generation=0),))) == []


def test_what_happened_before_the_first_operation_is_the_programs_start() -> None:
    started = [(-100.0, (0, 0, 1, 0), 0.05), (900.0, (0, 0, 30, 0), 1.5), (1900.0, (0, 0, 30, 0), 1.5)]
    assert detect(recording(_calls(50), histograms=(_pauses(started),))) == []
    assert detect(recording(_calls(50), histograms=(_pauses([(5000.0, (0, 0, 30, 0), 1.5)]),))) == []


def test_rare_pauses_and_those_of_others_are_no_finding() -> None:
    few = [(n * 1000.0, (0, 0, n // 2, 0), n // 2 * 0.05) for n in range(6)]
    assert detect(recording(_calls(50), histograms=(_pauses(few),))) == []
    little = [(n * 20_000.0, (0, 0, n * 2, 0), n * 0.1) for n in range(6)]
    assert detect(recording(_calls(1000), histograms=(_pauses(little),))) == []
    assert detect(recording(_calls(50), histograms=(_pauses(EVERY_SECOND, process=Process("other", 1)),))) == []
    assert detect(recording(_calls(50))) == []


def test_a_counter_that_has_started_over_counts_for_nothing() -> None:
    again = [*EVERY_SECOND, (6000.0, (0, 0, 0, 0), 0.0)]
    (found,) = detect(recording(_calls(70), histograms=(_pauses([*again, (7000.0, (0, 0, 1, 0), 0.05)]),)))
    assert found.figures["pauses"] == 11
