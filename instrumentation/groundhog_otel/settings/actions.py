"""The settings of the action instrumentor: which improvements a program is started with."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from groundhog_otel import environment_variables as variables
from groundhog_otel.settings.options import Option, Problem, chosen
from groundhog_otel.settings.sources import sources_of

__all__ = ("ActionSettings", "Wanted", "spelled", "wanted")

_NAME: Final = re.compile(r"[a-z]\w*")


class Wanted(NamedTuple):
    """An action that somebody has asked for, as it was written: whether there is such a one is not known here."""

    name: str
    parameters: Mapping[str, str]

    def __str__(self) -> str:
        """Return it as it is written: ``limiter:tokens=100``."""
        given = ",".join(f"{key}={value}" for key, value in self.parameters.items())
        return f"{self.name}:{given}" if given else self.name


class ActionSettings(NamedTuple):
    """Which actions are applied at the start of a program. Each field is also an argument of ``instrument()``."""

    actions: tuple[Wanted, ...] = ()
    report: str | None = None
    """A file that is told, a line of JSON each, what has become of them."""

    @classmethod
    def given(
        cls, kwargs: Mapping[str, Any], environ: Mapping[str, str] = os.environ
    ) -> tuple[ActionSettings, list[Problem]]:
        """Take the settings from the arguments of ``instrument()``, and what these leave open from the environment.

        An argument ``settings`` is taken in place of the environment.
        """
        base, sources = sources_of(kwargs, "groundhog_actions", _ACTIONS, environ)
        found, problems = chosen(_ACTIONS, sources, base or cls())
        return (base or cls())._replace(**found), problems


def wanted(given: object) -> tuple[Wanted, ...]:
    """Return the actions of ``limiter:tokens=100;offload:tool=render``, or of a list of such texts.

    Raises:
        ValueError: it is something else, or names an action twice with the same parameters.
    """
    parts = given.split(";") if isinstance(given, str) else given
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise ValueError
    found = tuple(_one(part) for part in parts if part.strip())
    if any(one in found[:number] for number, one in enumerate(found)):
        raise ValueError
    return found


def spelled(actions: tuple[Wanted, ...]) -> str:
    """Return actions as :func:`wanted` reads them."""
    return ";".join(map(str, actions))


def _one(text: str) -> Wanted:
    name, _, rest = (part.strip() for part in text.partition(":"))
    parameters: dict[str, str] = {}
    for pair in filter(None, (pair.strip() for pair in rest.split(","))):
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not _NAME.fullmatch(key) or not equals or not value or key in parameters:
            raise ValueError
        parameters[key] = value
    if not _NAME.fullmatch(name):
        raise ValueError
    return Wanted(name, parameters)


def _file(given: object) -> str:
    if not isinstance(given, str):
        raise ValueError
    return given


_ACTIONS: Final[Mapping[str, Option]] = {
    "actions": Option(
        variables.OTEL_PYTHON_GROUNDHOG_ACTIONS,
        "actions with their parameters and ; between them: limiter:tokens=100;offload:tool=render",
        wanted,
    ),
    "report": Option(variables.OTEL_PYTHON_GROUNDHOG_ACTIONS_REPORT, "the name of a file", _file),
}
