"""How many files this process may have open: each session over HTTP takes two or three."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache

__all__ = ("raise_file_limit",)


@cache
def raise_file_limit() -> None:
    """Raise the limit of open files as far as this process may, once."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - there is none on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS refuses more than its kernel has
        wanted = min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
