"""The settings of the runtime instrumentor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from groundhog_otel import environment_variables as variables
from groundhog_otel.settings.options import Option, Problem, chosen, length, names
from groundhog_otel.settings.sources import sources_of

__all__ = ("RuntimeSettings",)

_RUNTIME_PARTS: Final = frozenset({"event_loop", "worker_threads", "gc", "requests"})


class RuntimeSettings(NamedTuple):
    """What the runtime instrumentor reports on. Each field is also a keyword argument of its ``instrument()``."""

    parts: frozenset[str] = _RUNTIME_PARTS
    """Of ``event_loop``, ``worker_threads``, ``gc``, ``requests``."""
    blocking_threshold_ms: int = 100
    """From when on an event loop that runs nothing else counts as blocked, in milliseconds."""

    @classmethod
    def given(
        cls, kwargs: Mapping[str, Any], environ: Mapping[str, str] = os.environ
    ) -> tuple[RuntimeSettings, list[Problem]]:
        """Take the settings from the arguments of ``instrument()``, and what these leave open from the environment.

        An argument ``settings`` is taken in place of the environment.
        """
        base, sources = sources_of(kwargs, "groundhog_runtime", _RUNTIME, environ)
        found, problems = chosen(_RUNTIME, sources, base or cls())
        return (base or cls())._replace(**found), problems


def _parts(given: object) -> frozenset[str]:
    parts = frozenset(name.lower() for name in names(given))
    if parts == {"none"}:
        return frozenset()
    if not parts <= _RUNTIME_PARTS:
        raise ValueError
    return parts


def _threshold(given: object) -> int:
    if length(given) < 10:  # the watchdog does not look more often than that
        raise ValueError
    return length(given)


_RUNTIME: Final[Mapping[str, Option]] = {
    "parts": Option(
        variables.OTEL_PYTHON_GROUNDHOG_RUNTIME,
        "any of event_loop, worker_threads, gc and requests, with commas between them, or none",
        _parts,
    ),
    "blocking_threshold_ms": Option(
        variables.OTEL_PYTHON_GROUNDHOG_BLOCKING_THRESHOLD_MS, "whole milliseconds, 10 or more", _threshold
    ),
}
