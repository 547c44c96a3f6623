"""What memray has recorded in processes, made into profiles here: a server has no seconds for that, and no memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import psutil

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.files import save_profile
from groundhog_otel.profiling.model import Profile
from groundhog_otel.store.layout import parts_of, profile_of_recording, recording_files

__all__ = ("is_recording", "read_one", "settle", "settle_all")


def settle(recording: Path, *, on_read: Callable[[Path], None] = lambda _: None) -> Path:
    """Return the file of the profile that a recording comes to, which is made if it is not there yet.

    ``on_read`` is called with the recording before it is read, which takes some two seconds for each million of
    allocations.

    Raises:
        ProfileError: memray is not installed, cannot read it, or the profile cannot be written.
    """
    file = profile_of_recording(recording)
    if not file.exists():
        on_read(recording)
        found = read_one(recording)
        draft = file.with_name(f"{file.name}.{os.getpid()}.tmp")
        try:
            save_profile(draft, found)
            draft.replace(file)
        except OSError as error:
            raise ProfileError(f"cannot write {file} ({error.strerror})") from None
    return file


def is_recording(file: Path) -> bool:
    """Tell whether a file is memray's, by its name."""
    return file.name.endswith(".memray.bin")


def read_one(recording: Path) -> Profile:
    """Return the profile that a recording comes to by now.

    Raises:
        ProfileError: memray is not installed, or cannot read it.
    """
    from groundhog_otel.profiling.memory import read_recording  # noqa: PLC0415 - the engine, only where it is used

    service, _, profile_id = parts_of(recording) or ("", 0, None)
    try:
        return read_recording(recording, profile_id=profile_id, service=service).profile
    except ImportError:
        raise ProfileError("memray is not installed: pip install 'groundhog-otel[profile]'") from None
    except OSError as error:
        raise ProfileError(
            f"memray cannot read {recording} ({error}): use the release of memray that wrote it"
        ) from None


def settle_all(run: Path, *, on_read: Callable[[Path], None] = lambda _: None) -> None:
    """Make profiles of all recordings of a run, but of those that still grow.

    Raises:
        ProfileError: as :func:`settle`.
    """
    for recording in recording_files(run):
        parts = parts_of(recording)
        if parts is not None and not (psutil.pid_exists(parts[1]) and _grows(recording)):
            settle(recording, on_read=on_read)


def _grows(recording: Path) -> bool:
    from groundhog_otel.profiling.memory.recordings import is_closed  # noqa: PLC0415 - as above

    return not is_closed(recording)
