"""memray's own pages of its own recordings: its flame graph and its table, made by memray."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal, get_args

from groundhog_otel.profiling.errors import ProfileError

__all__ = ("MemrayPage", "write_memray_page")

MemrayPage = Literal["flamegraph", "table"]
_LIMIT_S: Final = 600.0


def write_memray_page(
    recording: Path, output: Path, *, page: MemrayPage = "flamegraph", leaks: bool = False, timeout_s: float = _LIMIT_S
) -> None:
    """Write a page of what ``recording`` had at its peak, or with ``leaks`` at its end. It loads nothing.

    memray reads its recordings in a process of its own: the largest of them take a while, and much memory.

    Raises:
        ProfileError: memray is not installed, cannot read the recording or write the page, or takes too long.
    """
    if page not in get_args(MemrayPage):
        raise ProfileError(f"memray has no page {page!r}: choose one of {', '.join(get_args(MemrayPage))}")
    if find_spec("memray") is None:
        raise ProfileError("memray is not installed: pip install 'groundhog-otel[profile]'")
    if not recording.is_file():
        raise ProfileError(f"Cannot read {recording}: there is no such file")
    options = ["--no-web", "--force", *(["--leaks"] if leaks else []), "--output", str(output.absolute())]
    command = [sys.executable, "-m", "memray", page, *options, str(recording.absolute())]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        raise ProfileError(
            f"memray has not read {recording} within {timeout_s:g} s: give it a shorter recording"
        ) from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise ProfileError(f"memray cannot make a page of {recording}: {said[-1]}")
