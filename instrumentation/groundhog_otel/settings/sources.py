"""Where options come from: arguments of ``instrument()``, a configuration file, the environment."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any, Final

from groundhog_otel.settings.options import Option, Problem, Source

__all__ = ("ENV_CONFIG_FILE", "TRUTH", "arguments", "config_file", "sources_of", "warn")

logger = logging.getLogger("groundhog_otel")

ENV_CONFIG_FILE: Final = "OTEL_CONFIG_FILE"
TRUTH: Final = "true or false"
_NOT_OPTIONS: Final = frozenset({"tracer_provider", "meter_provider", "logger_provider", "settings"})
"""What ``instrument()`` takes besides the settings. Programs give all their instrumentors the same three providers."""


def config_file(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the file that configures the SDK in place of the environment (``OTEL_CONFIG_FILE``), if there is one."""
    return environ.get(ENV_CONFIG_FILE) or None


def arguments(kwargs: Mapping[str, Any], name: str, environ: Mapping[str, str]) -> Source:
    """Return the options among the arguments of ``instrument()``: a program's, or a configuration file's."""
    path = config_file(environ)
    where = f"for {name} in {path} or instrument()" if path is not None else "in instrument()"
    return Source({key: value for key, value in kwargs.items() if key not in _NOT_OPTIONS}, where)


def sources_of(
    kwargs: Mapping[str, Any], name: str, options: Mapping[str, Option], environ: Mapping[str, str]
) -> tuple[Any, list[Source]]:
    """Return the argument ``settings``, and where else options come from: arguments, and the environment without it."""
    base = kwargs.get("settings")
    sources = [arguments(kwargs, name, environ)]
    if base is None:
        sources.append(Source({key: environ.get(option.variable, "").strip() for key, option in options.items()}))
    return base, sources


def warn(problems: list[Problem]) -> None:
    """Say each problem once, through logging (standard error, never standard output)."""
    for problem in problems:
        logger.warning("%s", problem)
