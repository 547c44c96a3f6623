"""``groundhog load``: a server under load."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from math import nextafter
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from groundhog_otel.load import result_files
from groundhog_otel.load.amounts import seconds_of
from groundhog_otel.load.arrivals import Replay, parse
from groundhog_otel.load.errors import LoadError, StoppedError
from groundhog_otel.load.logs import quiet
from groundhog_otel.load.merging import merge as merge_results
from groundhog_otel.load.plan import LoadTestConfig, Scenario
from groundhog_otel.load.result import LoadResult
from groundhog_otel.load.schedule import WHOLE, Share
from groundhog_otel.load.self_check import bottleneck
from groundhog_otel.load.session import Target
from groundhog_otel.load.stopping import SIGNALS
from groundhog_otel.load.tally import Tally
from groundhog_otel.load.tester import LoadTester
from groundhog_otel.report.units import amount, duration, share
from groundhog_otel.settings.load import ENV_JOB_COMPLETION_INDEX, job_index

__all__ = ("app", "load", "merge")

app = App(
    name="load",
    help="Test a server under load: how fast it answers, from the moment each request was due.",
    usage="Usage: groundhog load [OPTIONS] URL, or: groundhog load [OPTIONS] -- COMMAND...",
)

_INTERRUPTED: Final = 130
_GONE: Final = 1
_INVALID: Final = 4
_SHARE: Final = re.compile(r"(\d+|job)/(\d+)")


@app.default
def load(
    *server: str,
    length: Annotated[str | None, Parameter(name="--duration")] = None,
    users: int | None = None,
    arrivals: Annotated[str | None, Parameter(name=("--arrivals", "--rate"))] = None,
    warm_up: str = "0s",
    ramp_up: str = "0s",
    timeout: str = "30s",
    workers: int = 1,
    seed: int = 0,
    scenario: Path | None = None,
    unsafe_tools: Annotated[bool, Parameter(negative=())] = False,
    sse: Annotated[bool, Parameter(negative=())] = False,
    header: Sequence[str] = (),
    token_variable: str | None = None,
    worker: str | None = None,
    run_id: str | None = None,
    out: Path | None = None,
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
    run_id
        The run's name, in traces and results; parts of one test need the same.
    out
        Write the result to this file, as JSON.
    """
    schedule = None if arrivals is None else parse(arrivals)
    part = _share(worker)
    config = LoadTestConfig(
        duration=_length(length, schedule),
        concurrent_users=workers * part.count if users is None else users,
        ramp_up_period=seconds_of(ramp_up),
        test_scenarios=() if scenario is None else _scenarios(scenario),
        arrivals=schedule,
        warm_up=seconds_of(warm_up),
        request_timeout=seconds_of(timeout),
        seed=seed,
        workers=workers,
        unsafe_tools=unsafe_tools,
    )
    quiet()
    tester = LoadTester(_target(server, sse=sse, headers=_headers(header), token_variable=token_variable))
    try:
        result = tester.run_load_test(config, run_id=run_id, share=part)
    except StoppedError as stopped:
        _say(str(stopped))
        return _INTERRUPTED
    code = _reported(result, out)
    if result.interrupted is None:
        return code
    return _INTERRUPTED if result.interrupted in SIGNALS.values() else _GONE


@app.command
def merge(*files: Path, out: Path | None = None) -> int:
    """Put the results of several workers or machines together, without loss.

    Parameters
    ----------
    files
        Results that were written with --out.
    out
        Write the whole result to this file, as JSON.
    """
    return _reported(merge_results([result_files.read(file) for file in files]), out)


def _reported(result: LoadResult, out: Path | None) -> int:
    """Write and print a result, and return the exit code."""
    if out is not None:
        result_files.write(result, out)
    for line in _lines(result):
        print(line)
    if result.interrupted is not None:
        _say(f"ended early ({result.interrupted}); what was recorded until then is kept")
    why = bottleneck(result)
    if why is not None:
        _say(f"not valid: {why}")
    return 0 if why is None else _INVALID


def _lines(result: LoadResult) -> list[str]:
    lines = [f"Run {result.run_id}: {result.target}, {duration(result.duration_s)}, {result.model} model"]
    for one in result.operations:
        response, service = Tally.decode(one.response), Tally.decode(one.service)
        p50_s, p99_s = response.percentiles_s(50, 99)
        (sent_p99_s,) = service.percentiles_s(99)
        failed = sum(one.errors.values())
        lines.append(
            f"{one.name}: {amount(one.count, 'request')}, {share(failed / one.count)} failed, "
            f"p50 {duration(p50_s)}, p99 {duration(p99_s)} from when it was due, {duration(sent_p99_s)} from the send"
        )
        lines += [f"  {number} {kind}: {one.messages.get(kind, '')}" for kind, number in sorted(one.errors.items())]
    return lines


def _length(words: str | None, schedule: object) -> float:
    if words is not None:
        return seconds_of(words)
    return nextafter(schedule.starts[-1], float("inf")) if isinstance(schedule, Replay) else 30.0


def _share(words: str | None) -> Share:
    if words is None:
        return WHOLE
    found = _SHARE.fullmatch(words)
    if found is None:
        raise LoadError(f"--worker {words!r} is no part of a test: write it like 3/8, or job/8 in a Kubernetes Job")
    count = int(found[2])
    number = job_index() if found[1] == "job" else int(found[1]) - 1
    if number is None:
        raise LoadError(
            f"--worker {words} is for Jobs of completion mode Indexed, which set {ENV_JOB_COMPLETION_INDEX}"
        )
    if not 0 <= number < count:
        raise LoadError(f"There is no worker {number + 1} of {count}: write 1/{count} to {count}/{count}")
    return Share(number, count)


def _headers(given: Sequence[str]) -> Mapping[str, str]:
    headers = {}
    for one in given:
        name, colon, value = one.partition(":")
        if not colon or not name.strip():
            raise LoadError(f"--header {one!r} is no header: write it like 'X-Tenant: blue'")
        headers[name.strip()] = value.strip()
    return headers


def _target(server: Sequence[str], *, sse: bool, headers: Mapping[str, str], token_variable: str | None) -> Target:
    if not server:
        raise LoadError("There is no server to test: give its URL, or its command after --")
    of_a_url = server[0].startswith(("http://", "https://"))
    if of_a_url and len(server) > 1:
        raise LoadError(f"{server[1]!r} is one word too many after the URL: options begin with --")
    targets: Any = import_module("groundhog_otel.load.targets")
    found: Target = targets.target_for(
        server[0] if of_a_url else server,
        transport="sse" if sse else "auto",
        headers=headers,
        token_env=token_variable,
    )
    return found


def _scenarios(file: Path) -> tuple[Scenario, ...]:
    reading: Any = import_module("groundhog_otel.load.scenarios.reading")
    found: tuple[Scenario, ...] = reading.read_scenarios(file)
    return found


def _say(sentence: str) -> None:
    print(f"groundhog: {sentence}", file=sys.stderr, flush=True)
