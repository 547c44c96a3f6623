"""The commands: ``groundhog load``, ``groundhog load merge``, ``groundhog load scale``."""

from __future__ import annotations

import sys
from math import nextafter
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter

from groundhog_otel.cli.load.outputs import INTERRUPTED, Outputs, finish, finish_part, say
from groundhog_otel.cli.load.server import share_of, target_of
from groundhog_otel.load.amounts import seconds_of
from groundhog_otel.load.arrivals import Replay, parse
from groundhog_otel.load.beginning import Beginning
from groundhog_otel.load.engine.logs import quiet
from groundhog_otel.load.engine.schedule import WHOLE
from groundhog_otel.load.errors import StoppedError
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.reporting.live import LiveProgress
from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.results.merging import merge as merge_results
from groundhog_otel.load.scenarios.reading import read_scenarios
from groundhog_otel.load.tester import LoadTester
from groundhog_otel.settings import run_id as given_run_id
from groundhog_otel.store.layout import new_run_id

__all__ = ("app", "load", "merge", "scale")

app = App(
    name="load",
    help="Test a server under load: how fast it answers, from the moment each request was due.\n\n"
    "Exit code: 0 passed, 3 over a threshold, 4 nothing proven, 130 ended early, 1 no test, or it could not go on.",
    usage="Usage: groundhog load [OPTIONS] URL, or: groundhog load [OPTIONS] -- COMMAND...",
)

_Protocol = Literal["auto", "handshake", "2026-07-28"]
_Flag = Parameter(negative=())
_BEFORE_S: Final = 60.0
"""A recording that was over that long before the test is another one's."""


@app.default
def load(
    *server: str,
    length: Annotated[str | None, Parameter(name="--duration")] = None,
    users: int | None = None,
    arrivals: Annotated[str | None, Parameter(name=("--arrivals", "--rate"))] = None,
    warm_up: str = "0s",
    ramp_up: str = "0s",
    timeout: str = "30s",
    connect_timeout: str = "30s",
    workers: int = 1,
    seed: int = 0,
    scenario: Path | None = None,
    unsafe_tools: Annotated[bool, _Flag] = False,
    sse: Annotated[bool, _Flag] = False,
    header: tuple[str, ...] = (),
    token_variable: str | None = None,
    worker: str | None = None,
    begin_at: str | None = None,
    run_id: str | None = None,
    protocol: _Protocol = "auto",
    telemetry: Literal["otlp", "files", "none"] | None = None,
    dir: Annotated[Path | None, Parameter(name="--dir")] = None,  # noqa: A002 - the option's name
    jaeger: str | None = None,
    outputs: Outputs | None = None,
) -> int:
    """Test a server under load.

    Without a rate, each user waits for an answer before asking again (a closed model). With one, requests are sent
    when they are due, whether earlier ones were answered or not (an open model).

    Parameters
    ----------
    server
        The server's URL; or, after "--", the command that starts it on standard input and output.
    length
        How long requests are started, after the warm-up: 30s, 5min. By default 30s; of a replay, all of it.
    users
        Logical clients, each with a session of its own; by default one per worker.
    arrivals
        A rate (200/s), or poisson:200/s, ramp:10/s,200/s, "steps:50/s for 30s,100/s for 1min",
        "spike:50/s,500/s at 20s for 5s", replay:FOLDER of a recording.
    warm_up
        How long at the beginning is not counted.
    ramp_up
        Within how long the users start.
    timeout
        After how long a request is given up.
    connect_timeout
        After how long a server that has not answered the handshake is given up.
    workers
        Processes that generate the load.
    seed
        Of everything that is drawn at random: the same seed gives the same schedule.
    scenario
        A scenario file, YAML or Python. Without one, the tools that the server marks as read-only are called.
    unsafe_tools
        Without a scenario: also call tools that are not marked as read-only.
    sse
        The URL speaks the legacy transport, HTTP with SSE.
    header
        A header of every HTTP request: "Name: value".
    token_variable
        The environment variable that holds a bearer token.
    worker
        Do one part of the test, as 3/8; job/8 takes the number from Kubernetes ($JOB_COMPLETION_INDEX). The parts'
        files are put together with: groundhog load merge
    begin_at
        When the parts begin, if they are to begin at once: 2026-05-01T12:00:00Z. By default when the sessions are open.
    run_id
        The run's name, in traces and results; parts of one test need the same. By default $GROUNDHOG_RUN_ID, or a new
        one.
    protocol
        With sessions, or without: handshake, or 2026-07-28.
    telemetry
        Where spans and metrics of the test go; by default OTLP where the environment names an endpoint, else files.
    dir
        Where to keep files; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    jaeger
        Where to look for the traces of the slowest requests; by default Jaeger of "groundhog stack".
    outputs
        Where the result goes.
    """
    outputs = outputs or Outputs()
    outputs.require_usable()
    schedule = parse(arrivals) if arrivals else None
    part = share_of(worker)
    if part != WHOLE:
        outputs.require_of_a_part()
    beginning = Beginning.parse(begin_at) if begin_at else None
    config = LoadTestConfig(
        duration=_length(length, schedule),
        concurrent_users=workers * part.count if users is None else users,
        ramp_up_period=seconds_of(ramp_up),
        test_scenarios=() if scenario is None else read_scenarios(scenario),
        arrivals=schedule,
        warm_up=seconds_of(warm_up),
        request_timeout=seconds_of(timeout),
        seed=seed,
        workers=workers,
        thresholds=outputs.thresholds(),
        unsafe_tools=unsafe_tools,
    )
    run = run_id or given_run_id() or new_run_id()
    quiet()
    target = target_of(
        server,
        sse=sse,
        header=header,
        token_variable=token_variable,
        protocol=protocol,
        connect_timeout=connect_timeout,
    )
    with LiveProgress() as live:
        tester = LoadTester(target, on_progress=live, telemetry=telemetry, store=dir)
        try:
            result = tester.run_load_test(config, run_id=run, share=part, begin_at=beginning)
        except StoppedError as stopped:
            say(str(stopped))
            return INTERRUPTED
    for note in tester.notes:
        say(note)
    if part != WHOLE:  # its traces, too, are looked for by whoever has all of it
        return finish_part(result, outputs)
    chosen = Telemetry.chosen(run, telemetry, store=dir)
    source = chosen.source(started_at_s=result.started_at_ns / 1e9 - _BEFORE_S, jaeger=jaeger)
    return finish(result, outputs, source=source)


@app.command(usage="Usage: groundhog load merge [OPTIONS] [FILES...]")
def merge(*files: Path, outputs: Outputs | None = None) -> int:
    """Put the results of several workers or machines together, without loss.

    Parameters
    ----------
    files
        Results that were written with --out. None: standard input has them as lines among others, as kubectl logs does.
    outputs
        Where the whole result goes.
    """
    parts = [result_files.read(file) for file in files]
    if not files and not sys.stdin.isatty():
        parts = result_files.read_lines(sys.stdin)
    return finish(merge_results(parts), outputs or Outputs(), just_run=False)


@app.command(usage="Usage: groundhog load scale [OPTIONS] URL, or: groundhog load scale [OPTIONS] -- COMMAND...")
def scale(
    *server: str,
    length: Annotated[str, Parameter(name="--duration")] = "5s",
    warm_up: str = "1s",
    most: int = 256,
    timeout: str = "30s",
    connect_timeout: str = "30s",
    workers: int = 1,
    seed: int = 0,
    scenario: Path | None = None,
    unsafe_tools: Annotated[bool, _Flag] = False,
    sse: Annotated[bool, _Flag] = False,
    header: tuple[str, ...] = (),
    token_variable: str | None = None,
    protocol: _Protocol = "auto",
    telemetry: Literal["otlp", "files", "none"] | None = None,
    dir: Annotated[Path | None, Parameter(name="--dir")] = None,  # noqa: A002 - the option's name
    html: Path | None = None,
    out: Path | None = None,
) -> int:
    """Raise the concurrency step by step: how throughput grows, where it ends, what the targets take.

    Parameters
    ----------
    server
        The server's URL; or, after "--", the command that starts it on standard input and output.
    length
        How long each step takes, after its warm-up.
    warm_up
        How long at the beginning of each step is not counted.
    most
        The most users at once.
    timeout
        After how long a request is given up.
    connect_timeout
        After how long a server that has not answered the handshake is given up.
    workers
        Processes that generate the load.
    seed
        Of everything that is drawn at random.
    scenario
        A scenario file; without one, the tools that the server marks as read-only are called.
    unsafe_tools
        Without a scenario: also call tools that are not marked as read-only.
    sse
        The URL speaks the legacy transport, HTTP with SSE.
    header
        A header of every HTTP request: "Name: value".
    token_variable
        The environment variable that holds a bearer token.
    protocol
        With sessions, or without: handshake, or 2026-07-28.
    telemetry
        Where spans and metrics of the test go; by default OTLP where the environment names an endpoint, else files.
    dir
        Where to keep files; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    html
        File for the report on the step of the most users, with the curve.
    out
        File for the result of that step, as JSON.
    """
    outputs = Outputs(html=html, out=out)
    outputs.require_usable()
    config = LoadTestConfig(
        duration=seconds_of(length),
        warm_up=seconds_of(warm_up),
        request_timeout=seconds_of(timeout),
        test_scenarios=() if scenario is None else read_scenarios(scenario),
        seed=seed,
        workers=workers,
        unsafe_tools=unsafe_tools,
    )
    quiet()
    target = target_of(
        server,
        sse=sse,
        header=header,
        token_variable=token_variable,
        protocol=protocol,
        connect_timeout=connect_timeout,
    )
    with LiveProgress() as live:
        tester = LoadTester(target, on_progress=live, telemetry=telemetry, store=dir)
        try:
            scaling, last = tester.run_sweep(config, most=most)
        except StoppedError as stopped:
            say(str(stopped))
            return INTERRUPTED
    for note in tester.notes:
        say(note)
    return finish(last, outputs, scaling=scaling)


def _length(words: str | None, schedule: object) -> float:
    if words is not None:
        return seconds_of(words)
    return nextafter(schedule.starts[-1], float("inf")) if isinstance(schedule, Replay) else 30.0
