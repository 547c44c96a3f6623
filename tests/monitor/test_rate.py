"""A rate looks back a window, loses nothing to threads, and holds no more than its slices."""

from __future__ import annotations

import threading

import pytest

from groundhog_otel.monitor import rate
from groundhog_otel.monitor.rate import Rate


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(rate, "monotonic", lambda: now[0])
    return now


def test_it_counts_since_it_began_and_then_for_a_window(clock: list[float]) -> None:
    found = Rate(60)
    found.add(10)
    clock[0] += 10
    assert found.per_s == pytest.approx(1)
    for _ in range(100):
        clock[0] += 1
        found.add(2)
    assert found.per_s == pytest.approx(2, rel=0.05)
    clock[0] += 100
    assert found.per_s == 0


def test_it_does_not_grow(clock: list[float]) -> None:
    found = Rate(60)
    for _ in range(1000):
        clock[0] += 3
        found.add(1)
    assert len(found._counts) <= 13


def test_threads_lose_nothing() -> None:
    found = Rate(3600)

    def count() -> None:
        for _ in range(5000):
            found.add(1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found._counts.values()) == 20_000
