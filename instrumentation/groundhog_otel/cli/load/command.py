"""The commands: ``groundhog load``, ``groundhog load merge``, ``groundhog load scale``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from groundhog_otel.cli.load.outputs import Outputs, finish, finish_part, say
from groundhog_otel.cli.load.server import share_of
from groundhog_otel.cli.load.tested import Tested, Traces
from groundhog_otel.load.amounts import seconds_of
from groundhog_otel.load.arrivals import Replay, parse
from groundhog_otel.load.beginning import Beginning
from groundhog_otel.load.engine.schedule import WHOLE
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.results.merging import merge as merge_results
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.settings import run_id as given_run_id
from groundhog_otel.store.layout import new_run_id
from groundhog_otel.store.source import Source

__all__ = ("app", "load", "merge", "scale")

app = App(
    name="load",
    help="Test a server under load: how fast it answers, from the moment each request was due.\n\n"
    "Exit code: 0 passed, 3 over a threshold, 4 nothing proven, 130 ended early, 1 no test, or it could not go on.",
    usage="Usage: groundhog load [OPTIONS] URL, or: groundhog load [OPTIONS] -- COMMAND...",
)

_A_MOMENT_S: Final = 1e-6
"""What is due at the very end of a test is not sent any more, and that is rounded to nanoseconds."""
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
    worker: str | None = None,
    begin_at: str | None = None,
    run_id: str | None = None,
    jaeger: str | None = None,
    tested: Tested | None = None,
    traces: Traces | None = None,
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
    worker
        Do one part of the test, as 3/8; job/8 takes the number from Kubernetes ($JOB_COMPLETION_INDEX). The parts'
        files are put together with: groundhog load merge
    begin_at
        When the parts begin, if they are to begin at once: 2026-05-01T12:00:00Z. By default when the sessions are open.
    run_id
        The run's name, in traces and results; parts of one test need the same. By default $GROUNDHOG_RUN_ID, or a new
        one.
    jaeger
        Where to look for the traces of the slowest requests; by default Jaeger of "groundhog stack".
    tested
        How the server is reached, and what it is asked.
    traces
        Where spans and metrics of the test are.
    outputs
        Where the result goes.
    """
    tested, traces, outputs = tested or Tested(), traces or Traces(), outputs or Outputs()
    outputs.require_usable()
    schedule = parse(arrivals) if arrivals else None
    part = share_of(worker)
    if part != WHOLE:
        outputs.require_of_a_part()
    beginning = Beginning.parse(begin_at) if begin_at else None
    config = tested.config(
        duration=_length(length, schedule),
        concurrent_users=tested.workers * part.count if users is None else users,
        ramp_up_period=seconds_of(ramp_up),
        arrivals=schedule,
        warm_up=seconds_of(warm_up),
        thresholds=outputs.thresholds(),
    )
    run = run_id or given_run_id() or new_run_id()
    result = tested.run(
        server, traces, lambda tester: tester.run_load_test(config, run_id=run, share=part, begin_at=beginning)
    )
    if part != WHOLE:  # its traces, too, are looked for by whoever has all of it
        return finish_part(result, outputs)
    return finish(
        result, outputs, source=_source(result, Telemetry.chosen(run, traces.telemetry, store=traces.dir), jaeger)
    )


@app.command(usage="Usage: groundhog load merge [OPTIONS] [FILES...]")
def merge(*files: Path, jaeger: str | None = None, traces: Traces | None = None, outputs: Outputs | None = None) -> int:
    """Put the results of several workers or machines together, without loss.

    Parameters
    ----------
    files
        Results that were written with --out. None: standard input has them as lines among others, as kubectl logs does.
    jaeger
        Where to look for the traces of the slowest requests; by default where the environment and --telemetry say.
    traces
        Where spans and metrics of the test are.
    outputs
        Where the whole result goes.
    """
    traces, outputs = traces or Traces(), outputs or Outputs()
    outputs.require_usable()
    parts = [result_files.read(file) for file in files]
    if not files and not sys.stdin.isatty():
        parts = result_files.read_lines(sys.stdin)
    result = merge_results(parts)
    mode = traces.telemetry or ("otlp" if jaeger else None)
    telemetry = Telemetry.chosen(result.run_id, mode, store=traces.dir)
    source = _source(result, telemetry, jaeger)
    if telemetry.mode == "files" and not telemetry.store.is_dir():
        say(f"no traces are looked for: {telemetry.store} is not here. Name it with --dir, or Jaeger with --jaeger")
        source = None
    return finish(result, outputs, source=source, just_run=False)


@app.command(usage="Usage: groundhog load scale [OPTIONS] URL, or: groundhog load scale [OPTIONS] -- COMMAND...")
def scale(
    *server: str,
    length: Annotated[str, Parameter(name="--duration")] = "5s",
    warm_up: str = "1s",
    most: int = 256,
    html: Path | None = None,
    out: Path | None = None,
    junit: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
    tested: Tested | None = None,
    traces: Traces | None = None,
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
    html
        File for the report on the last step that is valid, with the curve.
    out
        File for the result of that step, as JSON.
    junit
        File for the budgets at that step as JUnit XML.
    as_json
        Print a summary of that step as JSON, for programs; the curve and the needs are under "scaling".
    tested
        How the server is reached, and what it is asked.
    traces
        Where spans and metrics of the test are.
    """
    tested, outputs = tested or Tested(), Outputs(html=html, out=out, junit=junit, as_json=as_json)
    outputs.require_usable()
    config = tested.config(duration=seconds_of(length), warm_up=seconds_of(warm_up))
    scaling, last = tested.run(server, traces or Traces(), lambda tester: tester.run_sweep(config, most=most))
    return finish(last, outputs, scaling=scaling)


def _source(result: LoadResult, telemetry: Telemetry, jaeger: str | None) -> Source | None:
    """Return where the traces of a result are looked for."""
    return telemetry.source(started_at_s=result.started_at_ns / 1e9 - _BEFORE_S, jaeger=jaeger)


def _length(words: str | None, schedule: object) -> float:
    if words is not None:
        return seconds_of(words)
    return schedule.starts[-1] + _A_MOMENT_S if isinstance(schedule, Replay) else 30.0
