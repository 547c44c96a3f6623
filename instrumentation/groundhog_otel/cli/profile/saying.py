"""What is said to a person, on standard error: standard output is the command's, or the result's."""

from __future__ import annotations

import sys
from pathlib import Path

from groundhog_otel.profiling.files import read_profile
from groundhog_otel.report.units import amount, duration

__all__ = ("say", "say_kept", "say_reading", "shown")


def say(sentence: str) -> None:
    """Say a sentence."""
    print(f"groundhog: {sentence}", file=sys.stderr, flush=True)


def say_kept(file: Path) -> None:
    """Say what profile there is now, and how to read it.

    Raises:
        ProfileError: there is none.
    """
    found = read_profile(file)
    kind = "CPU" if found.kind == "cpu" else "memory"
    calls = len({one.link.span_id for one in found.samples if one.link is not None and one.link.span_id})
    cut = "" if found.complete else ", which ended before it could close it"
    lasted = duration((found.end_ns - found.start_ns) / 1e9)
    say(f"{kind} profile of {found.service or 'a process'}{cut}: {lasted}, {amount(calls, 'call')} seen. Read it with:")
    print(f"  groundhog profile show {shown(file)}", file=sys.stderr, flush=True)


def say_reading(recording: Path) -> None:
    """Say to a person who waits why that is."""
    if sys.stderr.isatty():
        say(f"reading {shown(recording)}: some two seconds for each million of allocations")


def shown(file: Path) -> Path:
    """Return a path as short as it can be typed here."""
    try:
        return file.relative_to(Path.cwd())
    except ValueError:
        return file
