"""Which share of a test a process is, where something else starts the processes: Kubernetes, a shell, another machine."""

from __future__ import annotations

import re
from typing import Final

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.schedule import Share
from groundhog_otel.settings import variable

__all__ = ("share_of",)

_JOB_INDEX: Final = "JOB_COMPLETION_INDEX"
"""Set by Kubernetes in the pods of an Indexed Job."""


def share_of(text: str) -> Share:
    """Return the share that ``3/8`` names: the fourth of eight. ``auto/8`` takes its number from an Indexed Job.

    Raises:
        LoadError: it names none.
    """
    found = re.fullmatch(r"(\d+|auto)/(\d+)", text.strip())
    if found is None or found[2].strip("0") == "":
        raise LoadError(f"--worker {text!r} is no share. Write 0/8 to 7/8, or auto/8 in a Kubernetes Indexed Job.")
    index, of = found[1], int(found[2])
    if index == "auto":
        given = variable(_JOB_INDEX)
        if not given or not given.isdecimal():
            raise LoadError(f"--worker {text}: {_JOB_INDEX} holds no number. It does in an Indexed Job.")
        index = given
    if int(index) >= of:
        raise LoadError(f"--worker {index}/{of}: shares are numbered from 0, so the last one is {of - 1}/{of}.")
    return Share(int(index), of)
