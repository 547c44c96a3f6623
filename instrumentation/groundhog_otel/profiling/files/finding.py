"""Which file holds the profile of a span, a trace, or an id."""

from __future__ import annotations

from pathlib import Path

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.store.layout import profile_files, run_directories

__all__ = ("find_profile", "find_profiles")


def find_profiles(
    store: Path, *, profile_id: str | None = None, span_id: str | None = None, trace_id: str | None = None
) -> list[Path]:
    """Return the profiles of all runs below ``store`` that match all that is given, those of the newest run first.

    A profile has a span, or a trace, when one of its samples does: it says nothing of a call too short to be sampled.

    Raises:
        ProfileError: ``store`` cannot be read.
    """
    words = [f'"{one.lower()}"'.encode() for one in (span_id, trace_id) if one is not None]
    try:
        runs = reversed(run_directories(store))
        return [
            file
            for run in runs
            for file in profile_files(run, profile_id=profile_id and profile_id.lower())
            if not words or _names(file, words)
        ]
    except OSError as error:
        raise ProfileError(f"Cannot read {error.filename or store} ({error.strerror})") from None


def find_profile(
    store: Path, *, profile_id: str | None = None, span_id: str | None = None, trace_id: str | None = None
) -> Path | None:
    """Return the first of :func:`find_profiles`; None when there is none.

    Raises:
        ProfileError: ``store`` cannot be read.
    """
    return next(iter(find_profiles(store, profile_id=profile_id, span_id=span_id, trace_id=trace_id)), None)


def _names(file: Path, words: list[bytes]) -> bool:
    """Whether all words are in a file: ids stand in it as they are, so that no line has to be understood."""
    left = set(words)
    with file.open("rb") as lines:
        for line in lines:
            left = {word for word in left if word not in line}
            if not left:
                return True
    return False
