"""A command as it is typed, and as it has to be started to be recorded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from groundhog_otel.environment_variables import OTEL_PYTHON_GROUNDHOG_RESOURCES
from groundhog_otel.recording.launcher import find_launcher, service_name, unrecorded
from groundhog_otel.settings import ENV_GROUNDHOG_DIR, ENV_GROUNDHOG_RUN_ID

__all__ = ("CommandError", "Recorded", "found", "instrumented", "recording_environment")

_EXPORTER: Final = "groundhog_file"
_INTERVAL_S: Final = 5.0


class CommandError(Exception):
    """A command cannot be started. The message is one clause, without the command's arguments."""

    def __init__(self, sentence: str, *, exists: bool) -> None:
        super().__init__(sentence)
        self.exists = exists
        """Whether there is such a file; it is not executable then."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What to start in place of a command."""

    words: tuple[str, ...]
    environ: Mapping[str, str]
    problem: str | None = None
    """One sentence, where the command can be started but not be instrumented: ``words`` are its own then."""


def found(name: str, environ: Mapping[str, str]) -> str:
    """Return the path of the program that a command's first word names.

    Raises:
        CommandError: there is none, or it is not executable.
    """
    path = shutil.which(name, path=environ.get("PATH"))
    if path is None:
        exists = os.sep in name and Path(name).exists()
        if name.endswith(".py") and Path(name).is_file():
            wrong = f"is a file of Python, not a command: write python {name}"
        else:
            wrong = "is not executable" if exists else "is not a command: check its spelling, and PATH"
        raise CommandError(f"{name} {wrong}", exists=exists)
    return path


def instrumented(
    command: Sequence[str],
    environ: Mapping[str, str],
    *,
    store: Path | None = None,
    run: str = "",
    name: str | None = None,
    joins: bool = False,
    interval_s: float | None = None,
) -> Recorded:
    """Return how to start ``command`` under ``opentelemetry-instrument``.

    With a ``store`` it writes into the folder of ``run`` there, besides exporting to wherever ``environ`` tells.
    ``name`` is what its service is to be called; by default as the user says, or as the command. ``joins`` is whether
    ``environ`` is that of another recorded program: what that is called is its own.

    Raises:
        CommandError: there is no such command, or it is not executable.
    """
    path = found(command[0], environ)
    launcher = find_launcher(Path(path).absolute(), environ)
    words = (path, *command[1:])
    if launcher.program is None:
        return Recorded(words, unrecorded(environ), launcher.problem)
    service = name or (None if joins else environ.get("OTEL_SERVICE_NAME")) or service_name(tuple(command))
    made = recording_environment(
        environ, store=store, run=run, service=service, named=name is not None, interval_s=interval_s
    )
    return Recorded((str(launcher.program), *words), made)


def recording_environment(
    environ: Mapping[str, str],
    *,
    store: Path | None,
    run: str,
    service: str,
    named: bool,
    interval_s: float | None,
) -> dict[str, str]:
    """Return ``environ`` with what makes a program record itself. What the user set stays, and is added to.

    Exporters that are set go on beside ours; ``none`` stays none. Without a ``store`` ours is not added. ``named`` is
    whether ``service`` was asked for, and so outweighs a name in ``OTEL_RESOURCE_ATTRIBUTES``.
    """
    made = dict(environ)
    if store is not None:
        made[ENV_GROUNDHOG_DIR] = str(store)
        made[ENV_GROUNDHOG_RUN_ID] = run
        for variable in ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"):
            exporters = [part.strip() for part in made.get(variable, "").split(",") if part.strip()]
            if exporters != ["none"] and _EXPORTER not in exporters:
                made[variable] = ",".join([*exporters, _EXPORTER])
    if named or "service.name=" not in made.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        made["OTEL_SERVICE_NAME"] = service
    if interval_s is not None:
        made["OTEL_METRIC_EXPORT_INTERVAL"] = f"{max(interval_s * 1000, 1):.0f}"
    for variable, default in (
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_METRIC_EXPORT_INTERVAL", f"{_INTERVAL_S * 1000:.0f}"),
        ("OTEL_BSP_SCHEDULE_DELAY", "1000"),  # all that a killed process can lose
        (OTEL_PYTHON_GROUNDHOG_RESOURCES, "process,system"),  # the report shows the host's network too
    ):
        made[variable] = made.get(variable) or default
    return made
