from __future__ import annotations

import pytest

from groundhog_otel.analysis.detectors.worker_threads import detect
from groundhog_otel.store.model import Series, Span
from tests.analysis.detectors.waiting import served, waited
from tests.support.recorded import SERVER, recording, series


def _limiter(*, limit: float = 4, in_use: float = 4, waiting: float = 6) -> list[Series]:
    values = {"limit": limit, "in_use": in_use, "waiting": waiting}
    return [series(f"groundhog.worker_threads.{name}", 0 * value, value, process=SERVER) if name != "limit"
            else series(f"groundhog.worker_threads.{name}", value, value, process=SERVER)
            for name, value in values.items()]  # fmt: skip


def _scans(times: int, *, wait_ms: float) -> list[Span]:
    """Return calls that come at once, wait, and then keep a thread for 60 ms."""
    return [
        waited(served("tools/call scan", own=number + 1, at_ms=0, ms=wait_ms + 60), wait_ms) for number in range(times)
    ]


def test_who_keeps_the_threads_and_how_many_it_takes() -> None:
    quick = waited(served("tools/call convert", own=100, at_ms=0, ms=205), 200)
    (found,) = detect(recording([*_scans(8, wait_ms=50), quick], _limiter()))
    assert (found.target, found.affected) == ("tools/call scan", 9)
    assert found.impact_ms == pytest.approx((8 * 50 + 200) / 9)
    assert (found.action, found.parameters) == ("limiter", {"tokens": "9"})
    assert found.figures["limit_threads"] == 4
    assert found.evidence[0].span_id == f"{100:016x}"


def test_the_limit_grows_and_stays_within_reason() -> None:
    (found,) = detect(recording(_scans(8, wait_ms=50), _limiter(limit=40, in_use=40)))
    assert found.parameters == {"tokens": "41"}
    (found,) = detect(recording(_scans(400, wait_ms=50), _limiter()))
    assert found.parameters == {"tokens": "250"}


def test_threads_that_are_slow_to_start_are_no_starvation() -> None:
    assert detect(recording(_scans(8, wait_ms=50), _limiter(in_use=2, waiting=0))) == []
    assert detect(recording(_scans(8, wait_ms=5), _limiter())) == []
    assert detect(recording(_scans(4, wait_ms=50), _limiter())) == []
    assert detect(recording(_scans(8, wait_ms=50))) == []


def test_a_burst_between_two_samples_is_known_by_its_waits_but_less_surely() -> None:
    (seen,) = detect(recording(_scans(8, wait_ms=300), _limiter()))
    (unseen,) = detect(recording(_scans(8, wait_ms=300), _limiter(in_use=0, waiting=0)))
    assert unseen.confidence < seen.confidence


def test_threads_that_are_all_in_use_are_enough() -> None:
    assert detect(recording(_scans(8, wait_ms=50), _limiter(waiting=0)))
