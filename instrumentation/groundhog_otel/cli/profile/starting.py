"""``groundhog profile cpu`` and ``memory``: a command that is started recorded, and profiled from its start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from groundhog_otel.cli.profile.findings import say_found
from groundhog_otel.cli.profile.options import settings_of
from groundhog_otel.cli.profile.saying import say, say_kept, say_reading
from groundhog_otel.cli.run import start
from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.live.recordings import settle_all
from groundhog_otel.settings.profiling import ProfilingSettings
from groundhog_otel.store.layout import profile_files

__all__ = ("cpu", "memory")

_Dir = Annotated[Path | None, Parameter(name="--dir")]


def cpu(
    *command: str,
    interval: str = "10ms",
    light: Annotated[bool, Parameter(negative=())] = False,
    tool: Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)] = (),
    calls: int | None = None,
    over: str | None = None,
    duration: str | None = None,
    limit: int = 256,
    dir: _Dir = None,  # noqa: A002 - the option's name
    name: str | None = None,
) -> int:
    """Start a command recorded, with a profile of where its time goes.

    Its input, output and exit code stay its own. Ctrl-C ends it and keeps the profile.

    Parameters
    ----------
    command
        What to start, after "--".
    interval
        Between two looks, on average.
    light
        10 looks a second at the most, and none while no call is under way.
    tool
        Only calls of this tool, prompt or method; a pattern like 'search_*'; repeat it for more.
    calls
        Only so many calls.
    over
        Only calls that took longer: 200ms, or budget for that of their class.
    duration
        For how long: 30s, 5min; by default to the end of the command.
    limit
        Megabytes that the profile may take.
    dir
        Where to keep it; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    name
        The service's name; by default $OTEL_SERVICE_NAME, or the command's name.
    """
    mode = "light" if light else "cpu"
    settings = settings_of(mode, interval=interval, tools=tool, calls=calls, over=over, duration=duration, limit=limit)
    return _profiled(command, settings, dir, name)


def memory(
    *command: str,
    tool: str | None = None,
    leaks: Annotated[bool, Parameter(negative=())] = False,
    heap: Annotated[bool, Parameter(negative=())] = False,
    calls: int | None = None,
    engine: str | None = None,
    duration: str | None = None,
    limit: int = 256,
    dir: _Dir = None,  # noqa: A002 - the option's name
    name: str | None = None,
) -> int:
    """Start a command recorded, with a profile of what each call allocates; or look for leaks, or at the heap.

    Its input, output and exit code stay its own. Ctrl-C ends it and keeps the profile. Calls take about three times as
    long with memray.

    Parameters
    ----------
    command
        What to start, after "--".
    tool
        Only calls of this tool.
    leaks
        Say whether the calls leak, and who holds it. It takes 1,100 calls.
    heap
        Say what the heap consists of, and what would be freed without what holds it.
    calls
        Of --leaks, over so many calls; of --heap, after so many. By default it is looked at when the command ends.
    engine
        memray, or tracemalloc; by default memray where the command has it.
    duration
        For how long: 30s, 5min; by default to the end of the command.
    limit
        Megabytes that it may take.
    dir
        Where to keep it; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    name
        The service's name; by default $OTEL_SERVICE_NAME, or the command's name.
    """
    tools = () if tool is None else (tool,)
    if leaks and heap:
        raise ProfileError("--leaks and --heap are one after the other: start the command twice")
    if leaks or heap:
        if engine is not None or duration is not None:
            raise ProfileError("--engine and --duration are not of --leaks and --heap: leave them away")
        settings = settings_of("leaks" if leaks else "heap", tools=tools, calls=calls)
    elif calls is not None:
        raise ProfileError("--calls is of --leaks and --heap: leave it away")
    else:
        settings = settings_of("memory", tools=tools, engine=engine, duration=duration, limit=limit)
    return _profiled(command, settings, dir, name)


def _profiled(command: tuple[str, ...], settings: ProfilingSettings, folder: Path | None, name: str | None) -> int:
    kind = "cpu" if settings.modes & {"cpu", "light"} else "memory"
    kept = say_found if settings.modes & {"leaks", "heap"} else _kept
    if not command:
        say(f"there is nothing to start. Write: groundhog profile {kind} -- python my_server.py")
        return 2
    return start(command, dir=folder, name=name, more=settings.environ(), kept=kept)


def _kept(run: Path) -> None:
    """Say where the profiles of a run are, and make those of which there is only what memray has written."""
    problem = None
    try:
        settle_all(run, on_read=say_reading)
    except ProfileError as error:
        problem = error
    files = profile_files(run)
    for file in files:
        say_kept(file)
    if problem is not None:
        say(str(problem))
    elif not files:
        say(
            f"nothing was profiled in {run}. The command must start a Python that has groundhog-otel[profile], and "
            "have it run for a moment, or answer a call"
        )
