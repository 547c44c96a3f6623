"""Every setting this package reads from the environment, and the only reader of ``os.environ`` in it.

A wrong value never stops the program under observation: the reader falls back to the default and says, in one warning
that names the variable, the value and the accepted ones, what to change. Command-line tools call the same readers and
turn the same sentence into an error.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

__all__ = (
    "ENV_EXCLUDED_METHODS",
    "ENV_GROUNDHOG_DIR",
    "ENV_NATIVE_SPANS",
    "ENV_RESOURCES",
    "McpSettings",
    "Problem",
    "ResourceSettings",
    "store_directory",
    "warn",
)

logger = logging.getLogger("groundhog_otel")

ENV_NATIVE_SPANS: Final = "OTEL_PYTHON_MCP_NATIVE_SPANS"
ENV_EXCLUDED_METHODS: Final = "OTEL_PYTHON_MCP_EXCLUDED_METHODS"
ENV_RESOURCES: Final = "OTEL_PYTHON_GROUNDHOG_RESOURCES"
ENV_GROUNDHOG_DIR: Final = "GROUNDHOG_DIR"

Problem = str
"""One sentence about a setting that was not usable: what it is, what was used instead, what to write."""

NativeSpans = Literal["replace", "keep"]


@dataclass(frozen=True, slots=True)
class McpSettings:
    """How the MCP instrumentor behaves."""

    native_spans: NativeSpans = "replace"
    """``replace``: our span stands in for the SDK's own. ``keep``: the SDK's spans stay, we add metrics only."""
    excluded_methods: tuple[str, ...] = ()
    """Wire methods, or ``fnmatch`` patterns of them, that get neither span nor metric. Context still propagates."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> tuple[McpSettings, list[Problem]]:
        """Read the settings; unusable values fall back to the default and are described in the second item."""
        problems: list[Problem] = []
        native = environ.get(ENV_NATIVE_SPANS, "").strip().lower() or "replace"
        if native not in ("replace", "keep"):
            problems.append(f"{ENV_NATIVE_SPANS}={native!r} is not understood; using 'replace'. Write replace or keep.")
            native = "replace"
        excluded = tuple(part for raw in environ.get(ENV_EXCLUDED_METHODS, "").split(",") if (part := raw.strip()))
        return cls(native_spans="keep" if native == "keep" else "replace", excluded_methods=excluded), problems


@dataclass(frozen=True, slots=True)
class ResourceSettings:
    """What the resource instrumentor reports on."""

    process: bool = True
    system: bool = True

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> tuple[ResourceSettings, list[Problem]]:
        """Read the settings; an unusable value gives the default and is described in the second item."""
        raw = environ.get(ENV_RESOURCES, "").strip().lower() or "process,system"
        parts = {part.strip() for part in raw.split(",")}
        if parts == {"none"}:
            return cls(process=False, system=False), []
        if parts <= {"process", "system"}:
            return cls(process="process" in parts, system="system" in parts), []
        return cls(), [
            f"{ENV_RESOURCES}={raw!r} is not understood; using 'process,system'. Write process, system, both or none."
        ]


def store_directory(environ: Mapping[str, str] = os.environ) -> str:
    """Return the folder that the embedded mode writes to and reads from (``GROUNDHOG_DIR``, default ``.groundhog``)."""
    return environ.get(ENV_GROUNDHOG_DIR) or ".groundhog"


def warn(problems: list[Problem]) -> None:
    """Say each problem once, through logging (standard error, never standard output)."""
    for problem in problems:
        logger.warning("%s", problem)
