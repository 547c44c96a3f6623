"""``groundhog optimize``: what makes a server slow, and what has proved to help."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter

from groundhog_otel.load.amounts import seconds_of
from groundhog_otel.load.arrivals import parse
from groundhog_otel.load.engine.logs import quiet
from groundhog_otel.load.errors import LoadError, StoppedError
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.scenarios.reading import read_scenarios
from groundhog_otel.optimizer import ledger, summary, terminal
from groundhog_otel.optimizer.optimizer import PerformanceOptimizer, Progress
from groundhog_otel.optimizer.plan import Plan
from groundhog_otel.optimizer.result import Trial
from groundhog_otel.optimizer.serving import Command
from groundhog_otel.settings import store_directory

__all__ = ("app", "history", "optimize")

app = App(
    name="optimize",
    help="Find what makes a server slow, try what may help beside the server without it, keep what has proved to.\n\n"
    "Exit code: 0 something is kept, 4 nothing helps, 130 ended early, 1 it could not be done.",
    usage="Usage: groundhog optimize [OPTIONS] -- COMMAND..., or: groundhog optimize history",
)

_NOTHING: Final = 4
_INTERRUPTED: Final = 130
_FLAG: Final = Parameter(negative=())


@app.default
def optimize(
    *command: str,
    tool: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    actions: str = "",
    url: str | None = None,
    users: int = 8,
    arrivals: Annotated[str | None, Parameter(name=("--arrivals", "--rate"))] = None,
    scenario: Path | None = None,
    unsafe_tools: Annotated[bool, _FLAG] = False,
    length: Annotated[str, Parameter(name="--duration")] = "10s",
    blocks: int = 6,
    segment: str = "3s",
    warm_up: str = "2s",
    seed: int = 0,
    protocol: Literal["auto", "handshake", "2026-07-28"] = "auto",
    control: Annotated[bool, _FLAG] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    dir: Annotated[Path | None, Parameter(name="--dir")] = None,  # noqa: A002 - the option's name
) -> int:
    """Find what makes a server slow, try what may help, keep what has proved to.

    Parameters
    ----------
    command
        What starts the server, after "--". It is started twice for each action: with it, and without.
    tool
        Call this tool, also if it is not marked as read-only; repeat it. By default all that are.
    actions
        Try these, whatever is found: "limiter:tokens=100;offload:tool=render". By default what findings suggest.
    url
        Where a command listens that speaks HTTP: http://127.0.0.1:{port}/mcp, with {port} in the command too.
    users
        Requests that are under way at once, each user waiting for an answer before asking again.
    arrivals
        A rate (50/s) at which requests are sent in place of that, answered or not; as of "groundhog load".
    scenario
        A scenario file, as of "groundhog load", in place of tools.
    unsafe_tools
        Without a scenario: also call tools that are not marked as read-only.
    length
        How long the server is recorded at first, to be analysed.
    blocks
        How often both servers are compared; 5 or more.
    segment
        A quarter of a block: each server is under load twice in it.
    warm_up
        How long each server is under load before it counts.
    seed
        Of everything that is drawn at random.
    protocol
        With sessions, or without: handshake, or 2026-07-28.
    control
        Compare the server with itself, and tell whether this machine finds a difference where there is none.
    as_json
        Print JSON, for programs.
    dir
        Where recordings and the ledger are; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    """
    if not command:
        raise LoadError("There is no server to improve: write groundhog optimize -- python my_server.py")
    quiet()
    plan = Plan(
        load=LoadTestConfig(
            duration=seconds_of(length),
            concurrent_users=users,
            arrivals=parse(arrivals) if arrivals else None,
            test_scenarios=() if scenario is None else read_scenarios(scenario),
            seed=seed,
            unsafe_tools=unsafe_tools,
        ),
        tools=tool,
        blocks=blocks,
        segment_s=seconds_of(segment),
        warm_up_s=seconds_of(warm_up),
    )
    optimizer = PerformanceOptimizer(
        Command(tuple(command), url=url, protocol=protocol),
        plan=plan,
        actions=actions,
        store=dir,
        on_progress=_say,
        on_trial=(lambda _trial: None) if as_json else terminal.print_trial,
    )
    try:
        return _control(optimizer, as_json=as_json) if control else _optimize(optimizer, as_json=as_json)
    except StoppedError as stopped:
        print(f"groundhog: {stopped}; what was tried is in: groundhog optimize history", file=sys.stderr)
        return _INTERRUPTED


@app.command
def history(
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    dir: Annotated[Path | None, Parameter(name="--dir")] = None,  # noqa: A002 - as above
) -> int:
    """Print everything that was tried here, also what did not help.

    Parameters
    ----------
    as_json
        Print JSON, for programs.
    dir
        Where the ledger is; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    """
    store = dir or Path(store_directory())
    try:
        entries = ledger.history(store)
    except OSError as error:
        raise LoadError(f"The ledger in {store} cannot be read ({error.strerror})") from None
    if as_json:
        _dump([asdict(one) for one in entries])
    else:
        terminal.print_history(entries)
    return 0


def _optimize(optimizer: PerformanceOptimizer, *, as_json: bool) -> int:
    findings = optimizer.analyze_bottlenecks()
    if not as_json:
        terminal.print_findings(findings)
    result = optimizer.optimize_resource_usage()
    if as_json:
        _dump(summary.as_json(result, optimizer.baseline))
    else:
        terminal.print_result(result)
    return _NOTHING if result.line is None else 0


def _control(optimizer: PerformanceOptimizer, *, as_json: bool) -> int:
    trial: Trial = optimizer.run_control()
    if as_json:
        _dump(summary.trial_as_json(trial))
    return 0 if trial.outcome == "control" else _NOTHING


def _dump(found: object) -> None:
    json.dump(found, sys.stdout, indent=2)
    print()


def _say(progress: Progress) -> None:
    """Tell a person where the work is, on standard error: standard output belongs to the result."""
    if progress.doing == "baseline":
        print("groundhog: the server is recorded under load", file=sys.stderr, flush=True)
    elif progress.done < progress.of:
        where = f"block {progress.done + 1} of {progress.of}"
        print(f"groundhog: {progress.doing}: {where}", file=sys.stderr, flush=True)
