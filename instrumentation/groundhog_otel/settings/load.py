"""What the environment tells a load test about its part in a larger one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

__all__ = ("ENV_JOB_COMPLETION_INDEX", "job_index")

ENV_JOB_COMPLETION_INDEX: Final = "JOB_COMPLETION_INDEX"
"""Kubernetes sets it in the pods of a Job whose completion mode is Indexed: from 0."""


def job_index(environ: Mapping[str, str] = os.environ) -> int | None:
    """Return which pod of an Indexed Job this is, from 0; None when it is none."""
    value = environ.get(ENV_JOB_COMPLETION_INDEX, "")
    return int(value) if value.isascii() and value.isdigit() else None
