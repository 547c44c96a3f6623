"""What both ways to begin a profile have in common: words of the command line, made into settings."""

from __future__ import annotations

from collections.abc import Mapping

from groundhog_otel.load.amounts import seconds_of
from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.settings.options import Problem
from groundhog_otel.settings.profiling import ENGINES, ProfilingSettings

__all__ = ("length_of", "settings_of", "threshold_of")


def settings_of(
    mode: str,
    *,
    interval: str | None = None,
    tools: tuple[str, ...] = (),
    calls: int | None = None,
    over: str | None = None,
    engine: str | None = None,
    duration: str | None = None,
    limit: int | None = None,
) -> ProfilingSettings:
    """Return the settings that the words mean.

    Raises:
        ProfileError: they mean none.
        LoadError: a time is none.
    """
    if engine is not None and engine not in ENGINES:
        raise ProfileError(f"--engine {engine} is none that there is: write {' or '.join(ENGINES)}")
    if mode == "memory" and len(tools) > 1:
        raise ProfileError("Memory is told apart for one tool, or for all: give --tool once")
    given = {
        "modes": (mode,),
        "interval_ms": None if interval is None else round(seconds_of(interval) * 1000),
        "tools": tools or None,
        "calls": calls,
        "over": threshold_of(over),
        "engine": engine,
        "duration_s": length_of(duration),
        "limit_mb": limit,
    }
    settings, problems = ProfilingSettings.given(given, {})
    if problems:
        words = {"interval_ms": ("--interval", interval), "over": ("--over", over), "calls": ("--calls", calls),
                 "limit_mb": ("--limit", limit)}  # fmt: skip
        raise ProfileError(_said(problems[0], words))
    return settings


def length_of(words: str | None) -> float | None:
    """Return the seconds that a profile is to last; None when nobody has said.

    Raises:
        ProfileError: it would end before it begins.
        LoadError: it is no time.
    """
    found = None if words is None else seconds_of(words)
    if found is not None and found <= 0:
        raise ProfileError(f"A profile of {words} holds nothing: give --duration a time above 0")
    return found


def threshold_of(words: str | None) -> str | float | None:
    """Return ``budget``, or the seconds from which on a call is kept.

    Raises:
        LoadError: it is neither.
    """
    return words if words in {None, "budget"} else seconds_of(str(words))


def _said(problem: Problem, words: Mapping[str, tuple[str, object]]) -> str:
    """Return a problem of the settings in the words of options."""
    option, given = words[problem.partition("=")[0]]
    advice = problem.partition(". Write ")[2].rstrip(".")
    return f"{option} {given} is not understood: write {advice}"
