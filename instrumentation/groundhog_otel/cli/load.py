"""``groundhog load``: a load test of an MCP server."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import anyio
from cyclopts import App, Parameter

from groundhog_otel.load.arrivals_text import parse as parse_arrivals
from groundhog_otel.load.assembling import assemble, source_of
from groundhog_otel.load.beginning import moment_ns
from groundhog_otel.load.clock import precise_loop
from groundhog_otel.load.errors import LoadError, plainly
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.merging import merge as merge_parts
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.live import LiveProgress
from groundhog_otel.load.reporting.terminal import print_result
from groundhog_otel.load.result import LoadResult
from groundhog_otel.load.result_files import dumps, read_lines, read_result, write_result
from groundhog_otel.load.scenarios.reading import read_scenarios
from groundhog_otel.load.tester import LoadTester
from groundhog_otel.load.thresholds import parse as parse_threshold
from groundhog_otel.load.worker_share import share_of

__all__ = ("app",)

_INTERRUPTED: Final = 130
_TERMINATED: Final = 143
_STANDARD: Final = Path("-")
_Flag = Parameter(negative=())
T = TypeVar("T")

app = App(
    name="load",
    help="Load a server, and say how fast it answers from the moment each request was due.\n\n"
    "Write its URL, or its command after --. Exit code: 0 passed, 3 over a threshold, 4 nothing proven, 1 no test.",
    usage="Usage: groundhog load [OPTIONS] URL | groundhog load [OPTIONS] -- COMMAND...",
)


@Parameter(name="*")
@dataclass(frozen=True)
class Outputs:
    """Where the result goes, besides the terminal."""

    out: Path | None = None
    """File for the whole result, as JSON: for --baseline, and for merge. "-" prints it, as a line and nothing else."""
    html: Path | None = None
    """File for the report as one HTML page."""
    junit: Path | None = None
    """File for the thresholds as JUnit XML."""
    hdr: Path | None = None
    """File for the latencies as an HdrHistogram log."""
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False
    """Print a summary as JSON, for programs."""
    baseline: Path | None = None
    """A result of an earlier test (--out) to compare with."""
    threshold: tuple[str, ...] = ()
    """What has to hold: 'p99<50ms', 'error_rate<=1%', 'rate>=1000/s'; repeat it. By default the budgets."""


@app.default
def load(
    *server: str,
    users: int = 1,
    duration: float = 30.0,
    arrivals: Annotated[str | None, Parameter(name=("--arrivals", "--rate"))] = None,
    ramp_up: float = 0.0,
    warm_up: float = 0.0,
    scenario: Path | None = None,
    unsafe_tools: Annotated[bool, _Flag] = False,
    timeout: float = 30.0,
    seed: int = 0,
    workers: int = 1,
    worker: str | None = None,
    begin_at: str | None = None,
    sse: Annotated[bool, _Flag] = False,
    header: tuple[str, ...] = (),
    token_env: str | None = None,
    protocol: Literal["auto", "handshake", "stateless"] = "auto",
    telemetry: Literal["otlp", "files", "none"] | None = None,
    dir: Annotated[Path | None, Parameter(name="--dir")] = None,  # noqa: A002 - the option's name
    jaeger: str = "http://127.0.0.1:16686",
    outputs: Outputs | None = None,
) -> int:
    """Load a server.

    Parameters
    ----------
    server
        A URL, or a command after "--".
    users
        Logical clients, each with a session of its own.
    duration
        Seconds, after the warm-up.
    arrivals
        When rounds start, whatever the answers do (open model): 200/s, poisson:200, ramp:10-500, steps:50x10,100x10,
        spike:50-400@10x5, replay:FOLDER. Without it each user starts the next round when the last is over.
    ramp_up
        Seconds within which the users start.
    warm_up
        Seconds at the beginning that do not count.
    scenario
        YAML or Python file that says what to do; without it, tools that the server marks as read-only are called.
    unsafe_tools
        Without a scenario: call all tools, also those that may change something.
    timeout
        Seconds that a request may take.
    seed
        Of everything random: the same one gives the same schedule.
    workers
        Processes that make the load.
    worker
        Be only one of them: 3/8 is the fourth of eight; "auto/8" takes the number from JOB_COMPLETION_INDEX.
        It judges nothing: that is for merge.
    begin_at
        With --worker: when to begin, as 2026-05-01T12:00:00Z, the same for all. By default when the sessions are open.
    sse
        The URL is of the legacy transport, HTTP with SSE.
    header
        For a URL, 'Name: value'; repeat it.
    token_env
        Variable of the environment that holds a bearer token for the URL.
    protocol
        With or without a session: handshake, or stateless (2026-07-28).
    telemetry
        Where traces and metrics of the test go; by default OTLP where the environment names an endpoint, else files.
    dir
        Where to keep files; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    jaeger
        Jaeger's query address, where the traces of the slowest requests are looked for (--telemetry otlp).
    outputs
        Where the result goes.
    """
    outputs = outputs or Outputs()
    thresholds = tuple(parse_threshold(one) for one in outputs.threshold)
    config = LoadTestConfig(
        duration=duration,
        concurrent_users=users,
        ramp_up_period=ramp_up,
        warm_up=warm_up,
        test_scenarios=() if scenario is None else read_scenarios(scenario),
        arrivals=parse_arrivals(arrivals) if arrivals else None,
        request_timeout=timeout,
        seed=seed,
        workers=workers,
        thresholds=thresholds,
        unsafe_tools=unsafe_tools,
    )
    share = None if worker is None else share_of(worker)
    begin_at_ns = moment_ns(begin_at) if begin_at else None
    if begin_at_ns is not None and share is None:
        raise LoadError("--begin-at is for workers that are started apart from one another: leave it away")
    if share is not None:
        _only_out(outputs)
    tester = _tester(
        server, sse=sse, header=header, token_env=token_env, protocol=protocol, telemetry=telemetry, store=dir
    )
    with LiveProgress() as live:
        tester.progress = live
        result = _stoppable(tester, lambda: tester.arun_load_test(config, share=share, begin_at_ns=begin_at_ns))
    for note in tester.notes:
        _say(note)
    _write(result, outputs.out)
    if share is not None:
        errors = sum(sum(one.errors.values()) for one in result.operations)
        count = sum(one.count for one in result.operations)
        _say(f"worker {share.index} of {share.of} has counted {count} requests, {errors} of them with an error")
        return _interrupted(result)
    chosen = Telemetry.chosen(result.run_id, telemetry, store=dir)
    source = source_of(result, chosen, jaeger)
    report = assemble(result, thresholds=thresholds, source=source, baseline=outputs.baseline)
    return _finish(report, outputs)


@app.command
def merge(*files: Path, outputs: Outputs | None = None) -> int:
    """Make one result of the parts that workers have measured, on this machine or on others.

    Where some are missing, the result is not valid, and the exit code is 4.

    Parameters
    ----------
    files
        What each worker has written with --out. None: results are lines of standard input, as kubectl logs has them.
    outputs
        Where the result goes.
    """
    outputs = outputs or Outputs()
    if not files and sys.stdin.isatty():
        raise LoadError("there is nothing to merge: give the files of all workers, or their logs on standard input")
    result = merge_parts([read_result(file) for file in files] or read_lines(sys.stdin))
    _write(result, outputs.out)
    thresholds = tuple(parse_threshold(one) for one in outputs.threshold)
    return _finish(assemble(result, thresholds=thresholds, baseline=outputs.baseline), outputs)


def _tester(
    server: tuple[str, ...],
    *,
    sse: bool,
    header: tuple[str, ...],
    token_env: str | None,
    protocol: str,
    telemetry: str | None,
    store: Path | None,
) -> LoadTester:
    if not server:
        raise LoadError("there is nothing to load. Write: groundhog load http://host:port/mcp, or: … load -- COMMAND")
    options: dict[str, Any] = {"protocol": protocol}
    if server[0].startswith(("http://", "https://")):
        if len(server) > 1:
            raise LoadError(f"{server[1]!r} follows the URL: write options with two dashes, as --users 10")
        options |= {
            "headers": dict(map(_header, header)),
            "token_env": token_env,
            "transport": "sse" if sse else "auto",
        }
        return LoadTester(server[0], telemetry=telemetry, store=store, **options)
    if sse or header or token_env:
        raise LoadError("--sse, --header and --token-env are for URLs, and this is a command: leave them away")
    return LoadTester(server, telemetry=telemetry, store=store, **options)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise LoadError("--header is no header. Write --header 'Name: value'.")  # not what it is: it may be a secret
    return name.strip(), value.strip()


def _stoppable(tester: LoadTester, test: Callable[[], Awaitable[T]]) -> T:
    """Run a test that Ctrl-C and SIGTERM end; what was measured until then is kept. A second one ends it at once."""

    async def run() -> T:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_wait_for_signals, tester)
            result = await test()
            tasks.cancel_scope.cancel()
        return result

    with plainly():
        return anyio.run(run, backend_options={"loop_factory": precise_loop})


async def _wait_for_signals(tester: LoadTester) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            if tester.stop.why is not None:
                raise KeyboardInterrupt
            tester.stop("interrupted by Ctrl-C" if number == signal.SIGINT else "interrupted by SIGTERM")


def _finish(report: Report, outputs: Outputs) -> int:
    for file, made in (
        (outputs.html, _html),
        (outputs.junit, _junit),
        (outputs.hdr, _hdr),
    ):
        if file is not None:
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(made(report), encoding="utf-8")
            except OSError as error:
                raise LoadError(f"{file} cannot be written: {error.strerror}") from None
    if outputs.as_json:
        from groundhog_otel.load.reporting.summary import as_json  # noqa: PLC0415 - one of the two is needed

        json.dump(as_json(report), sys.stdout, indent=2)
        print()
    elif outputs.out != _STANDARD:
        print_result(report)
    return _interrupted(report.result) or report.verdict.exit_code


def _interrupted(result: LoadResult) -> int:
    if result.interrupted is None:
        return 0
    return _TERMINATED if "SIGTERM" in result.interrupted else _INTERRUPTED


def _write(result: LoadResult, file: Path | None) -> None:
    if file == _STANDARD:
        print(dumps(result), flush=True)
    elif file is not None:
        write_result(result, file)


def _only_out(outputs: Outputs) -> None:
    """Do nothing, where a worker is asked for its part alone."""
    if outputs.out is None:
        raise LoadError("a worker's part is for merge: add --out FILE, or --out - for a line on standard output")
    if replace(outputs, out=None) != Outputs():
        raise LoadError("a worker writes its part and judges nothing: of the files and bounds, leave it --out alone")


def _html(report: Report) -> str:
    from groundhog_otel.load.reporting.html.page import page  # noqa: PLC0415

    return page(report)


def _junit(report: Report) -> str:
    from groundhog_otel.load.reporting.junit import junit  # noqa: PLC0415

    return junit(report)


def _hdr(report: Report) -> str:
    from groundhog_otel.load.reporting.hdrlog import hdr_log  # noqa: PLC0415

    return hdr_log(report.result)


def _say(sentence: str) -> None:
    print(f"groundhog: {sentence}", file=sys.stderr, flush=True)
