"""Builds, starts, watches and stops the local stack: Collector, Jaeger, Prometheus and Alertmanager."""

from __future__ import annotations

__all__ = ("Say", "StackError", "elapsed")

from collections.abc import Callable

Say = Callable[[str], None]
"""Takes one line of progress."""


class StackError(Exception):
    """Something stands in the way. The message is one line: what, and what to do about it."""


def elapsed(seconds: float) -> str:
    """Return a duration as people say it: ``7 s``, ``3 min 5 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
