"""The settings of the resource instrumentor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from groundhog_otel import environment_variables as variables
from groundhog_otel.settings.options import Option, Problem, chosen, flag
from groundhog_otel.settings.sources import TRUTH, arguments

__all__ = ("ResourceSettings",)


class ResourceSettings(NamedTuple):
    """What the resource instrumentor reports on. Each field is also a keyword argument of its ``instrument()``."""

    process: bool = True
    system: bool = False
    """The host's figures too: for one process per host, because each would report the same."""
    folders: tuple[str, ...] = ()
    """Folders whose size on disk is reported."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> tuple[ResourceSettings, list[Problem]]:
        """Read the settings; an unusable value gives the default and is described in the second item."""
        return cls.given({}, environ)

    @classmethod
    def given(
        cls, kwargs: Mapping[str, Any], environ: Mapping[str, str] = os.environ
    ) -> tuple[ResourceSettings, list[Problem]]:
        """Take the settings from the arguments of ``instrument()``, and what these leave open from the environment.

        An argument ``settings`` is taken in place of the environment.
        """
        base = kwargs.get("settings")
        problems: list[Problem] = []
        if base is None:
            base, problems = cls._from_one_variable(environ)
        found, more = chosen(_RESOURCES, [arguments(kwargs, "groundhog_resources", environ)], base)
        return base._replace(**found), problems + more

    @classmethod
    def _from_one_variable(cls, environ: Mapping[str, str]) -> tuple[ResourceSettings, list[Problem]]:
        variable = variables.OTEL_PYTHON_GROUNDHOG_RESOURCES
        raw = environ.get(variable, "").strip().lower() or "process"
        folders = _folders(environ.get(variables.OTEL_PYTHON_GROUNDHOG_FOLDERS, ""))
        parts = {part.strip() for part in raw.split(",")}
        if parts == {"none"}:
            return cls(process=False, folders=folders), []
        if parts <= {"process", "system"}:
            return cls(process="process" in parts, system="system" in parts, folders=folders), []
        choices = "process, system, process,system or none"
        return cls(folders=folders), [f"{variable}={raw!r} is not understood; using 'process'. Write {choices}."]


def _folders(given: object) -> tuple[str, ...]:
    """Return folders, of a text like ``PATH`` or of a list."""
    parts = given.split(os.pathsep) if isinstance(given, str) else given
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise ValueError
    return tuple(part for part in parts if part)


_RESOURCES: Final[Mapping[str, Option]] = {
    **{name: Option(variables.OTEL_PYTHON_GROUNDHOG_RESOURCES, TRUTH, flag) for name in ("process", "system")},
    "folders": Option(variables.OTEL_PYTHON_GROUNDHOG_FOLDERS, f"folders with {os.pathsep} between them", _folders),
}
