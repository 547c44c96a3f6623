"""The settings of the profiling instrumentor, and where a process that can be profiled is found."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from groundhog_otel import environment_variables as variables
from groundhog_otel.settings.options import Option, Problem, choice, chosen, length, names, seconds
from groundhog_otel.settings.sources import sources_of

__all__ = ("ENGINES", "MODES", "SIGNALS", "ProfilingSettings", "control_directory", "over")

MODES: Final = ("cpu", "light", "memory", "leaks", "heap", "on-signal")
SIGNALS: Final = ("SIGUSR1", "SIGUSR2")
ENGINES: Final = ("memray", "tracemalloc")
_SLOWEST_MS: Final = 10_000


class ProfilingSettings(NamedTuple):
    """What is profiled, from the start of a process or on request. Each field is also an argument of ``instrument()``.

    Without a mode there is nothing: no thread, no handler, no module of the profilers.
    """

    modes: frozenset[str] = frozenset()
    """Of ``cpu``, ``light`` (10 looks a second, during operations), ``memory``: from the start; ``leaks``: a search
    over so many ``calls``; ``heap``: a look after so many, or at the end; ``on-signal``: when somebody asks."""
    interval_ms: int = 10
    """Between two looks of ``cpu``, on average, in milliseconds."""
    tools: tuple[str, ...] = ()
    """Names of tools, prompts or methods, as patterns of the shell; all when empty."""
    calls: int | None = None
    """How many operations are profiled, as they begin; any number when None."""
    over: str | float | None = None
    """Keep only operations that took longer than so many seconds, or than their ``budget``."""
    engine: str | None = None
    """``memray`` or ``tracemalloc``; by default memray where it is installed."""
    duration_s: float | None = None
    """How long; to the end of the process when None, and for what a signal starts ten minutes."""
    limit_mb: int = 256
    """How large a profile's file may become, in megabytes."""
    signal: str = "SIGUSR2"
    """By which ``on-signal`` starts and stops."""

    @classmethod
    def given(
        cls, kwargs: Mapping[str, Any], environ: Mapping[str, str] = os.environ
    ) -> tuple[ProfilingSettings, list[Problem]]:
        """Take the settings from the arguments of ``instrument()``, and what these leave open from the environment.

        An argument ``settings`` is taken in place of the environment.
        """
        base, sources = sources_of(kwargs, "groundhog_profiling", _PROFILING, environ)
        found, problems = chosen(_PROFILING, sources, base or cls())
        return (base or cls())._replace(**found), problems

    def environ(self) -> dict[str, str]:
        """Return the variables that say the same to another process, those for defaults left out."""
        default = type(self)()
        return {
            _PROFILING[name].variable: _words(value)
            for name, value in self._asdict().items()
            if value != getattr(default, name)
        }


def control_directory() -> Path:
    """Return where processes of this user say that they can be profiled: the same, whatever their environments."""
    # Neither XDG_RUNTIME_DIR nor TMPDIR: of the six variables that MCP clients hand to servers, they are none.
    return Path("/tmp", f"groundhog-{os.getuid()}")  # noqa: S108 - its owner is checked, see profiling/live/control.py


def over(given: object) -> str | float:
    """Return ``budget``, or seconds above 0.

    Raises:
        ValueError: it is neither.
    """
    if str(given).strip().lower() == "budget":
        return "budget"
    found = seconds(given)
    if found is None:
        raise ValueError
    return found


def _modes(given: object) -> frozenset[str]:
    modes = frozenset(name.lower() for name in names(given))
    if modes == {"none"}:
        return frozenset()
    if not modes <= frozenset(MODES) or modes >= {"cpu", "light"}:
        raise ValueError
    return modes


def _interval(given: object) -> int:
    if length(given) > _SLOWEST_MS:
        raise ValueError
    return length(given)


def _signal(given: object) -> str:
    return choice(*(name.lower() for name in SIGNALS))(given).upper()


def _words(value: object) -> str:
    return ",".join(sorted(value)) if isinstance(value, (tuple, frozenset)) else str(value)


_PROFILING: Final[Mapping[str, Option]] = {
    "modes": Option(
        variables.OTEL_PYTHON_GROUNDHOG_PROFILE,
        "any of cpu or light, memory, leaks, heap, and on-signal, with commas between them, or none",
        _modes,
    ),
    "interval_ms": Option(
        variables.OTEL_PYTHON_GROUNDHOG_PROFILE_INTERVAL_MS, f"whole milliseconds, 1 to {_SLOWEST_MS}", _interval
    ),
    "tools": Option(variables.OTEL_PYTHON_GROUNDHOG_PROFILE_TOOLS, "names with commas between them", names),
    "calls": Option(variables.OTEL_PYTHON_GROUNDHOG_PROFILE_CALLS, "a whole number of calls from 1 up", length),
    "over": Option(variables.OTEL_PYTHON_GROUNDHOG_PROFILE_OVER, "seconds above 0, or budget", over),
    "engine": Option(variables.OTEL_PYTHON_GROUNDHOG_PROFILE_ENGINE, "memray or tracemalloc", choice(*ENGINES)),
    "duration_s": Option(variables.OTEL_PYTHON_GROUNDHOG_PROFILE_DURATION, "seconds above 0, or none", seconds),
    "limit_mb": Option(variables.OTEL_PYTHON_GROUNDHOG_PROFILE_LIMIT_MB, "whole megabytes from 1 up", length),
    "signal": Option(variables.OTEL_PYTHON_GROUNDHOG_PROFILE_SIGNAL, "SIGUSR1 or SIGUSR2", _signal),
}
