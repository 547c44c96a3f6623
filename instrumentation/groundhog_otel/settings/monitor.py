"""The settings of the monitor that runs inside a watched process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from groundhog_otel import environment_variables as variables
from groundhog_otel.settings.options import Option, Problem, chosen, length, seconds
from groundhog_otel.settings.sources import sources_of

__all__ = ("ENV_HEALTH_PORT", "MonitorSettings")

ENV_HEALTH_PORT: Final = variables.OTEL_PYTHON_GROUNDHOG_HEALTH_PORT
_LAST_PORT: Final = 65_535
_SHORTEST_S: Final = 5.0


class MonitorSettings(NamedTuple):
    """What the monitor does by itself. Each field is also a keyword argument of its ``instrument()``.

    Without a port and without an interval there is nothing: no thread, no socket, no module of the monitor's.
    """

    port: int | None = None
    """Where the process answers for its health; 0 is any free port, None is nowhere."""
    address: str = "127.0.0.1"
    """The address that it listens on."""
    window_s: float = 60.0
    """How far back rates, percentiles and the states of the budgets look, in seconds."""
    store_every_s: float | None = None
    """How often a line of metrics is written beside the recordings, in seconds; None is never."""

    @property
    def active(self) -> bool:
        """Whether anything is asked for."""
        return self.port is not None or self.store_every_s is not None

    @classmethod
    def given(
        cls, kwargs: Mapping[str, Any], environ: Mapping[str, str] = os.environ
    ) -> tuple[MonitorSettings, list[Problem]]:
        """Take the settings from the arguments of ``instrument()``, and what these leave open from the environment.

        An argument ``settings`` is taken in place of the environment.
        """
        base, sources = sources_of(kwargs, "groundhog_monitor", _MONITOR, environ)
        found, problems = chosen(_MONITOR, sources, base or cls())
        return (base or cls())._replace(**found), problems


def _port(given: object) -> int | None:
    if str(given).strip().lower() == "none":
        return None
    port = 0 if given in (0, "0") and given is not False else length(given)
    if port > _LAST_PORT:
        raise ValueError
    return port


def _address(given: object) -> str:
    if not isinstance(given, str) or not given.strip() or any(letter in given for letter in "/ \0"):
        raise ValueError
    return given.strip().strip("[]")


def _window(given: object) -> float:
    found = seconds(given)
    if found is None or found < _SHORTEST_S:
        raise ValueError
    return found


_MONITOR: Final[Mapping[str, Option]] = {
    "port": Option(ENV_HEALTH_PORT, f"a port, 1 to {_LAST_PORT}, or 0 for any free one, or none", _port),
    "address": Option(
        variables.OTEL_PYTHON_GROUNDHOG_HEALTH_ADDRESS,
        "an address of this machine, like 127.0.0.1 or 0.0.0.0",
        _address,
    ),
    "window_s": Option(
        variables.OTEL_PYTHON_GROUNDHOG_HEALTH_WINDOW, f"seconds, {_SHORTEST_S:g} or more, like 60", _window
    ),
    "store_every_s": Option(variables.OTEL_PYTHON_GROUNDHOG_MONITOR_INTERVAL, "seconds above 0, or none", seconds),
}
