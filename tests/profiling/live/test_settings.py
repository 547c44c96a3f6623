from __future__ import annotations

import json

import pytest

from groundhog_otel.profiling.live.request import SIGNALLED_S, Request
from groundhog_otel.settings import ProfilingSettings

ALL = ProfilingSettings(
    modes=frozenset({"cpu", "on-signal"}), interval_ms=2, tools=("a", "b*"), calls=3, over="budget", engine="memray",
    duration_s=1.5, limit_mb=7, signal="SIGUSR1",
)  # fmt: skip


def test_without_anything_nothing_is_profiled() -> None:
    assert ProfilingSettings.given({}, {}) == (ProfilingSettings(), [])
    assert not ProfilingSettings().modes
    assert ProfilingSettings().environ() == {}


@pytest.mark.parametrize("settings", [ALL, ALL._replace(over=0.25, modes=frozenset({"light", "memory"}))])
def test_the_variables_for_another_process_say_the_same(settings: ProfilingSettings) -> None:
    assert ProfilingSettings.given({}, settings.environ()) == (settings, [])


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "",
            "cpu,light",
            "Write any of cpu or light, memory, leaks, heap, and on-signal, with commas between them, or none.",
        ),
        ("_INTERVAL_MS", "20000", "using 10. Write whole milliseconds, 1 to 10000."),
        ("_CALLS", "0", "using none. Write a whole number of calls from 1 up."),
        ("_OVER", "none", "using none. Write seconds above 0, or budget."),
        ("_ENGINE", "scalene", "using none. Write memray or tracemalloc."),
        ("_DURATION", "-1", "using none. Write seconds above 0, or none."),
        ("_LIMIT_MB", "0", "using 256. Write whole megabytes from 1 up."),
        ("_SIGNAL", "SIGTERM", "using 'SIGUSR2'. Write SIGUSR1 or SIGUSR2."),
    ],
)
def test_what_is_not_understood_is_said_and_the_default_is_used(name: str, value: str, said: str) -> None:
    settings, (problem,) = ProfilingSettings.given({}, {f"OTEL_PYTHON_GROUNDHOG_PROFILE{name}": value})
    assert settings == ProfilingSettings()
    assert problem.startswith(f"OTEL_PYTHON_GROUNDHOG_PROFILE{name}={value!r} is not understood; ")
    assert problem.endswith(said)


def test_a_request_travels_as_json() -> None:
    request = Request.of(ALL, "cpu")
    assert (request.duration_s, request.limit_bytes, request.interval_s) == (1.5, 7_000_000, 0.002)
    assert Request.loads(json.loads(request.dumps())) == request
    with pytest.raises(TypeError):
        Request.loads({"kind": "cpu", "of a later release": True})


def test_what_a_signal_starts_ends_by_itself() -> None:
    assert Request.of(ProfilingSettings(), "cpu").duration_s is None
    assert Request.of(ProfilingSettings(), "cpu", signalled=True).duration_s == SIGNALLED_S
    assert Request.of(ALL, "cpu", signalled=True).duration_s == 1.5
