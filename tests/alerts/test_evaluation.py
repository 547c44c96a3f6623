"""Recorded telemetry, judged: what fires, with what value, and by which traces."""

from __future__ import annotations

from typing import Any

import pytest

from groundhog_otel.alerts.manager import AlertManager
from groundhog_otel.alerts.model import AlertConfig
from groundhog_otel.store.model import Recording, Span
from tests.support.recorded import SERVER, recording, series, span


def _manager(metric: str = "mcp.span.duration", **rest: Any) -> AlertManager:
    manager = AlertManager()
    manager.configure_alert(AlertConfig("A", metric, **{"window": "1h", "severity": "page", **rest}))
    return manager


def _calls(count: int, slow: int, *, ms: float = 80, every_ms: float = 100, **rest: Any) -> list[Span]:
    return [
        span(
            kind="server",
            process=SERVER,
            ms=ms if at < slow else 10,
            at_ms=at * every_ms,
            trace=at + 1,
            own=at + 1,
            **rest,
        )
        for at in range(count)
    ]


def test_a_burning_budget_fires_with_its_share_and_the_slow_traces() -> None:
    (fired,) = _manager(methods="command", threshold="50ms").check(recording(_calls(100, 30)))
    assert fired.alert.name == "A"
    assert fired.group == {"service_name": "srv"}
    assert 0.3 <= fired.measured <= 30 / 70  # the worst moment with the 70 calls that there have to be
    assert set(fired.trace_ids) <= {f"{number:032x}" for number in range(1, 31)}
    assert len(fired.trace_ids) == 10


@pytest.mark.parametrize(
    "calls",
    [_calls(100, 10), _calls(60, 60), _calls(100, 100, ms=50), _calls(100, 100, method="tasks/get")],
    ids=["within the budget", "too few calls", "exactly at the threshold", "another class"],
)
def test_what_does_not_fire(calls: list[Span]) -> None:
    assert _manager(methods="command", threshold="50ms").check(recording(calls)) == []


def test_the_side_of_the_client_is_not_the_servers() -> None:
    calls = [span(ms=80, trace=at + 1, own=at + 1, at_ms=at) for at in range(100)]
    assert _manager(threshold="50ms").check(recording(calls)) == []
    (fired,) = _manager("mcp.client.operation.duration", threshold="50ms").check(recording(calls))
    assert fired.group == {"job": "app"}


def test_what_was_slow_before_the_short_window_has_ended() -> None:
    """Thirty slow calls, then two hours of few: within the hour's window they are, within five minutes not."""
    calls = _calls(30, 30) + _calls(60, 0, every_ms=10_000)
    assert _manager(threshold="50ms", min_count=31).check(recording(calls))
    late = [*calls[:30], *(span(kind="server", process=SERVER, at_ms=600_000 + at) for at in range(60))]
    assert not _manager(threshold="50ms", min_count=31).check(recording(late))


def test_the_p99_of_a_window() -> None:
    (fired,) = _manager(measure="p99", by="tool", window="1m", threshold="50ms").check(recording(_calls(20, 2)))
    assert fired.measured == pytest.approx(0.08)
    assert not _manager(measure="p99", by="tool", window="1m", threshold="50ms").check(recording(_calls(4, 4)))


def test_errors() -> None:
    failed = _calls(20, 0, error="tool_error")
    calls = failed + _calls(180, 0)
    (fired,) = _manager("mcp.span.calls", threshold="5%", min_count=20).check(recording(calls))
    assert fired.measured == 1.0 or fired.measured > 0.05
    assert not _manager("mcp.span.calls", threshold="5%").check(recording(failed))


def test_a_level_has_to_last() -> None:
    manager = _manager("process.memory.usage", threshold="500MB", window="5m")
    lasting = recording((), [series("process.memory.usage", *[6e8] * 200, unit="By")])
    (fired,) = manager.check(lasting)
    assert fired.measured == pytest.approx(6e8)
    assert fired.group == {"job": "app", "instance": "11"}
    assert manager.check(recording((), [series("process.memory.usage", *[6e8] * 60, unit="By")])) == []
    assert manager.check(recording((), [series("process.memory.usage", *[4e8] * 200, unit="By")])) == []


def test_cpu_modes_are_added_up_and_folders_are_not() -> None:
    modes = [series("process.cpu.utilization", *[0.2] * 200, cpu_mode=mode) for mode in ("user", "system")]
    (fired,) = _manager("process.cpu.utilization", threshold="30%", window="5m").check(recording((), modes))
    assert fired.measured == pytest.approx(0.4)
    folders = [series("groundhog.folder.usage", *[6e8] * 200, file_directory=name) for name in ("a", "b")]
    assert _manager("groundhog.folder.usage", threshold="1GB", window="5m").check(recording((), folders)) == []


def test_a_rate_of_a_counter_that_begins_anew() -> None:
    counter = [6e7 * at for at in range(100)] + [6e7 * at for at in range(400)]
    (fired,) = _manager("groundhog.mcp.io", threshold="50MB/s", window="5m").check(
        recording((), [series("groundhog.mcp.io", *counter)])
    )
    assert fired.measured == pytest.approx(6e7, rel=0.02)


def test_nothing_recorded_and_nothing_that_a_recording_can_tell() -> None:
    empty: Recording = recording()
    assert _manager("mcp.span.calls", measure="absence").check(empty) == []
    assert _manager("otelcol_exporter_queue_size", threshold="5").check(empty) == []
