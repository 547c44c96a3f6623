"""Which file holds the profile of a span, a trace, or an id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.semconv import PROFILE_ID
from groundhog_otel.store.layout import parts_of, profile_files, run_directories, signal_files

__all__ = ("find_profile", "find_profiles")


def find_profiles(
    store: Path, *, profile_id: str | None = None, span_id: str | None = None, trace_id: str | None = None
) -> list[Path]:
    """Return the profiles of all runs below ``store`` that match all that is given, those of the newest run first.

    A profile has a span, or a trace, when one of its samples does. Where none has, it is the one that the span itself
    names, in what the runs have recorded of traces: it was taken while the call ran, which may have been too short to
    be met.

    Raises:
        ProfileError: ``store`` cannot be read.
    """
    words = [f'"{one.lower()}"'.encode() for one in (span_id, trace_id) if one is not None]
    try:
        runs = run_directories(store)[::-1]
        files = [file for run in runs for file in profile_files(run, profile_id=profile_id and profile_id.lower())]
        found = [file for file in files if not words or _names(file, words)]
        if span_id is not None and not found:
            named = _named_by(runs, span_id.lower(), trace_id and trace_id.lower())
            found = [file for file in files if (parts := parts_of(file)) is not None and parts[2] in named]
        return found
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


def _named_by(runs: list[Path], span_id: str, trace_id: str | None) -> set[str]:
    """Return the profiles that a span names."""
    word, found = f'"{span_id}"'.encode(), set()
    for file in (file for run in runs for file in signal_files(run, "traces")):
        with file.open("rb") as lines:
            for line in lines:
                if word in line:  # most are not understood, for they need not be
                    found |= {
                        str(value["value"].get("stringValue"))
                        for span in _spans(line)
                        if span.get("spanId") == span_id and trace_id in (None, span.get("traceId"))
                        for value in span.get("attributes", ())
                        if value.get("key") == PROFILE_ID
                    }
    return found


def _spans(line: bytes) -> list[dict[str, Any]]:
    """Return the spans in a line of OTLP; none where it was cut off."""
    try:
        batch = json.loads(line)
    except ValueError:
        return []
    scopes = [scope for resource in batch.get("resourceSpans", ()) for scope in resource.get("scopeSpans", ())]
    return [span for scope in scopes for span in scope.get("spans", ())]


def _names(file: Path, words: list[bytes]) -> bool:
    """Whether all words are in a file: ids stand in it as they are, so that no line has to be understood."""
    left = set(words)
    with file.open("rb") as lines:
        for line in lines:
            left = {word for word in left if word not in line}
            if not left:
                return True
    return False
