"""A frame of ``groundhog top``: it fits, it says what matters, and no more of it is made than is seen."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from groundhog_otel.monitor import CollectedMetrics, MetricCollector, frame
from groundhog_otel.monitor.frame import ORDERS, Order, Screen, draw
from groundhog_otel.monitor.metrics import Key, ResourceMetrics
from groundhog_otel.monitor.trend import Trend


def _metrics(tools: int, *, name: str = "tool") -> CollectedMetrics:
    collector = MetricCollector(window_s=600)
    chance = random.Random(tools)
    for number in range(tools):
        for _ in range(3):
            error = "tool_error" if number % 5 == 0 else None
            collector.watch.note(Key("server", "tools/call", f"{name}{number}"), chance.lognormvariate(-3.5, 1), error)
    return replace(collector.collect_metrics(), service="srv", pid=7, resources=(), window_s=60.0)


TEXTS = st.text(max_size=40)
SIZES = st.tuples(st.integers(1, 200), st.integers(1, 80))


@settings(deadline=None)
@given(st.integers(0, 60), SIZES, st.sampled_from(ORDERS), TEXTS, st.booleans())
def test_it_fits_whatever_the_screen(tools: int, size: tuple[int, int], order: Order, name: str, several: bool) -> None:
    (width, height), metrics = size, _metrics(tools, name=name)
    screen = Screen(width=width, height=height, order=order, keys=True)
    lines = draw([metrics, metrics] if several else [metrics], screen, problem="does not answer")
    assert len(lines) <= height
    for line in lines:
        assert line.isprintable(), line
        assert cell_len(line) <= width


@pytest.mark.parametrize("tools", [200, 2000])
def test_no_more_is_made_than_is_seen(tools: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What bounds the time of a frame: rows that are laid out, not the tools that there are."""
    made = []

    def counted(*args: Any) -> Any:
        made.append(args)
        return original(*args)

    original = frame._cells
    metrics = _metrics(tools)
    monkeypatch.setattr(frame, "_cells", counted)
    lines = draw([metrics], Screen(width=120, height=50, keys=True))
    assert len(lines) == 50
    assert len(made) == 50 - 5
    made.clear()
    assert len(draw([metrics], Screen(width=120))) == len(metrics.operations) + 4
    assert len(made) == len(metrics.operations)


def test_what_uses_most_of_its_budget_comes_first_and_other_orders_are_theirs() -> None:
    metrics = _metrics(30)
    by_key = {f"{one.key.name}": one for one in metrics.operations}

    def names(order: Order) -> list[str]:
        lines = draw([metrics], Screen(width=120, order=order))[4:]
        return [" ".join(line.split()[:2]) for line in lines]

    def values(order: Order, of: Any) -> list[Any]:
        return [of(by_key[name]) for name in names(order)]

    for order, of in (
        ("budget", lambda one: one.p99_s / one.budget.limit_s),
        ("calls", lambda one: one.per_s),
        ("errors", lambda one: one.error_rate),
        ("p99", lambda one: one.p99_s),
    ):
        found = values(order, of)  # type: ignore[arg-type] # of the literals above
        assert found == sorted(found, reverse=True)
        assert len(found) == 30
    assert names("name") == sorted(by_key)


def test_it_says_what_is_wrong() -> None:
    metrics = _metrics(3)
    memory = ResourceMetrics("process.memory.usage", "By", 9e7, 9e7, 9e7, 9, Trend(2.1e6, 1e6, 3e6, 9, 3600.0))
    hurt = replace(metrics, resources=(memory,), loop_lag_s=float("inf"), in_flight=4)
    text = "\n".join(draw([hurt], Screen(width=120), problem="srv does not answer"))
    assert "srv (7)  last 60 s  over budget: command" in text
    assert "RSS 90 MB (+2.1 MB/h)" in text
    assert "loop lag does not answer" in text
    assert "4 in flight" in text
    assert "srv does not answer" in text
    assert "over" in text
    assert "q quits" not in text
    for trend in (None, Trend(2.1e6, -1e6, 3e6, 9, 3600.0), Trend(2.1e6, 1e6, 3e6, 9, 60.0)):
        unsure = replace(hurt, resources=(replace(memory, trend=trend),), running=False)
        text = "\n".join(draw([unsure], Screen(width=120)))
        assert "RSS 90 MB  loop" in text, "of an hour nothing is told that is not known"
        assert "srv (7), ended  last 60 s" in text


def test_colours_are_for_terminals() -> None:
    metrics = _metrics(3)
    plain, coloured = draw([metrics], Screen(width=80)), draw([metrics], Screen(width=80, colour=True))
    assert not any("\x1b" in line for line in plain)
    assert any(line.startswith("\x1b[1;31m") and line.endswith("\x1b[0m") for line in coloured)


def test_without_any_process_or_operation_it_says_so() -> None:
    assert draw([], Screen())[0] == "no process yet"
    assert "no operation yet" in draw([_metrics(0)], Screen())


def test_processes_are_told_apart() -> None:
    one, other = _metrics(2), replace(_metrics(2), service="app", pid=8)
    lines = draw([one, other], Screen(width=120))
    assert [line.partition("  ")[0] for line in lines[:2]] == ["srv (7)", "app (8)"]
    assert any(line.startswith("app: tools/call tool1") for line in lines)
