"""Which stored profile somebody means: a file, an id, a span's, a trace's, or the newest."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.files import find_profiles, read_profile
from groundhog_otel.profiling.live.recordings import is_recording, read_one, settle_all
from groundhog_otel.profiling.model import Profile
from groundhog_otel.store.layout import profile_files, recording_files, run_directories

__all__ = ("stored",)

_ID: Final = re.compile(r"[0-9a-fA-F]{32}")
_TAKE: Final = "groundhog profile cpu -- <command>"


def stored(
    what: str | None,
    store: Path,
    *,
    span_id: str | None = None,
    trace_id: str | None = None,
    on_read: Callable[[Path], None] = lambda _: None,
) -> Profile:
    """Return the profile that ``what`` names, a file or an id; without, the newest that has the span, or the trace.

    ``on_read`` is called with each recording of memray's that has to be read first, which may take a while.

    Raises:
        ProfileError: there is none, or it cannot be read.
    """
    if what is not None and not _ID.fullmatch(what):
        return _of_file(Path(what), on_read)
    runs = _settled(store, on_read)
    found = find_profiles(store, profile_id=what, span_id=span_id, trace_id=trace_id)
    if not found:
        raise ProfileError(_nothing(runs, store, what, span_id, trace_id))
    newest = found[0].parent
    return read_profile(max((one for one in found if one.parent == newest), key=lambda one: one.stat().st_mtime))


def _of_file(file: Path, on_read: Callable[[Path], None]) -> Profile:
    if is_recording(file):
        on_read(file)
        return read_one(file)
    if file.is_dir():
        return stored(None, file, on_read=on_read)
    return read_profile(file)


def _settled(store: Path, on_read: Callable[[Path], None]) -> list[Path]:
    """Return the runs, each with a profile for what memray has recorded there."""
    try:
        runs = run_directories(store)
    except FileNotFoundError:
        raise ProfileError(f"there is no folder {store}: nothing was profiled yet. Profile with: {_TAKE}") from None
    except OSError as error:
        raise ProfileError(
            f"cannot read {store} ({error.strerror}): name the folder of recordings with --dir"
        ) from None
    for run in runs:
        if recording_files(run):
            settle_all(run, on_read=on_read)
    return runs


def _nothing(runs: list[Path], store: Path, what: str | None, span_id: str | None, trace_id: str | None) -> str:
    count = sum(len(profile_files(run)) for run in runs)
    if not count:
        return f"{store} holds no profile. Take one with: {_TAKE}"
    if what is not None:
        return f"none of the {count} profiles in {store} has the id {what.lower()}: name their folder with --dir"
    name = f"span {span_id}" if span_id is not None else f"trace {trace_id}"
    return (
        f"none of the {count} profiles in {store} has seen {name}: it ran while none was taken, or was too short; look "
        "more often with --interval 1ms"
    )
