"""``groundhog run``: start a command under ``opentelemetry-instrument``, recorded into the store."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import datetime, timezone
from pathlib import Path
from time import monotonic
from typing import Annotated, Final

from cyclopts import Parameter, validators

from groundhog_otel.cli.child import supervise
from groundhog_otel.cli.launcher import find_launcher, service_name, unrecorded
from groundhog_otel.environment_variables import OTEL_PYTHON_GROUNDHOG_RESOURCES
from groundhog_otel.settings import ENV_GROUNDHOG_DIR, ENV_GROUNDHOG_RUN_ID, inherited, run_id, store_directory
from groundhog_otel.store.layout import new_run_id, prepare
from groundhog_otel.store.manifest import Manifest

__all__ = ("recording_environment", "run")

_EXPORTER: Final = "groundhog_file"
_INTERVAL_S: Final = 5.0
_NOT_EXECUTABLE: Final = 126
_NOT_FOUND: Final = 127


def run(
    *command: str,
    dir: Annotated[Path | None, Parameter(name="--dir")] = None,  # noqa: A002 - the option's name
    name: str | None = None,
    interval: Annotated[float | None, Parameter(validator=validators.Number(gt=0))] = None,
) -> int:
    """Start a command and record its MCP operations in files.

    Parameters
    ----------
    command
        What to start, after "--".
    dir
        Where to keep recordings; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    name
        The service's name in the recording; by default $OTEL_SERVICE_NAME, or the command's name.
    interval
        Seconds between two looks at metrics; by default $OTEL_METRIC_EXPORT_INTERVAL, or 5.
    """
    if not command:
        _say("there is nothing to start. Write: groundhog run -- python my_server.py")
        return 2
    environ = inherited()
    found = shutil.which(command[0])
    if found is None:
        exists = os.sep in command[0] and Path(command[0]).exists()
        _say(f"{command[0]} {'is not executable' if exists else 'is not a command: check its spelling, and PATH'}")
        return _NOT_EXECUTABLE if exists else _NOT_FOUND

    outer = run_id(environ) if dir is None else None
    store = (dir or Path(store_directory(environ))).absolute()
    this_run = outer or new_run_id()
    try:
        folder = prepare(store, this_run)
    except OSError as error:
        _say(f"not recorded: cannot write to {store} ({error.strerror}). Name another folder with --dir.")
        folder = None
    launcher = find_launcher(Path(found).absolute(), environ)
    if launcher.problem is not None:
        _say(launcher.problem)
        environ = unrecorded(environ)
    words = [found, *command[1:]]
    if folder is not None and launcher.program is not None:
        environ = recording_environment(
            environ,
            store=store,
            run=this_run,
            # Within a run, the variable is what the outer run called its own command.
            service=name or (None if outer else environ.get("OTEL_SERVICE_NAME")) or service_name(command),
            named=name is not None,
            interval_s=interval,
        )
        words = [str(launcher.program), *words]
    if folder is None or outer is not None:
        os.execve(words[0], words, environ)  # noqa: S606 - this process has nothing left to add

    manifest = Manifest(command=command, started_at=datetime.now(timezone.utc).isoformat())
    manifest.write(folder)
    started_s = monotonic()
    exit_code = supervise(words, environ)
    manifest.ended(exit_code=exit_code, duration_s=monotonic() - started_s).write(folder)
    if launcher.program is not None:
        _say_result(folder, store, dir_given=dir is not None)
    return exit_code


def recording_environment(
    environ: dict[str, str], *, store: Path, run: str, service: str, named: bool, interval_s: float | None
) -> dict[str, str]:
    """Return ``environ`` with what makes a program record itself. What the user set stays, and is added to.

    Exporters that are set go on beside ours; ``none`` stays none. ``named`` is whether ``service`` was asked for, and
    so outweighs a name in ``OTEL_RESOURCE_ATTRIBUTES``.
    """
    made = dict(environ)
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


def _say_result(folder: Path, store: Path, *, dir_given: bool) -> None:
    """Tell a person what to do next; a program that reads standard error only hears of a failure."""
    if not any(folder.glob("*.jsonl")):
        _say(
            f"nothing was recorded in {folder}. The command must start a Python that has groundhog-otel[tools], "
            "and end by itself or by Ctrl-C."
        )
    elif sys.stderr.isatty():
        _say(f"recorded. Read it with: groundhog report{f' {store}' if dir_given else ''}")


def _say(sentence: str) -> None:
    print(f"groundhog: {sentence}", file=sys.stderr, flush=True)
