"""``groundhog stack``: the Collector, Jaeger, Prometheus and Alertmanager on this machine."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from groundhog_otel.pipeline import StackError, elapsed
from groundhog_otel.pipeline.builds import locked
from groundhog_otel.pipeline.logs import follow as follow_logs
from groundhog_otel.pipeline.logs import merged
from groundhog_otel.pipeline.parts import PARTS, part_named
from groundhog_otel.pipeline.prune import prune as prune_cache
from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.pipeline.status import PartStatus
from groundhog_otel.pipeline.watch import watch as watch_stack
from groundhog_otel.settings import ENV_OTLP_ENDPOINT
from groundhog_otel.settings.stack import ENV_JAEGER_BIN, STACK_PORTS, StackSettings

__all__ = ("app",)

_JAEGER = (
    f"/api/services (Jaeger, its API; for its web pages set {ENV_JAEGER_BIN} to an official release of Jaeger 2)",
    " (Jaeger)",
)
"""What there is to see at Jaeger's address: of the one we build, and of somebody else's."""
_Flag = Parameter(negative=())

app = App(name="stack", help="Run the Collector, Jaeger, Prometheus and Alertmanager on loopback.")


@app.command
def up() -> int:
    """Start the stack and print its addresses; the first time, build it."""
    started = time.monotonic()
    stack = _stack()
    parts = stack.up()
    _say(f"The stack is up ({elapsed(time.monotonic() - started)})")
    ports = stack.settings.ports
    print(f"""
Send telemetry to  http://127.0.0.1:{ports["otlp_grpc"]} (OTLP gRPC), http://127.0.0.1:{ports["otlp_http"]} (OTLP HTTP)
Traces             http://127.0.0.1:{ports["jaeger_query"]}{_JAEGER[stack.settings.jaeger is not None]}
Metrics            http://127.0.0.1:{ports["prometheus"]}/api/v1/query?query=mcp_span_calls_total (Prometheus, its API)
Alerts             http://127.0.0.1:{ports["alertmanager"]} (Alertmanager)
Logs               {Path(parts[0].log).parent}

Try    {_endpoint(ports["otlp_grpc"])}opentelemetry-instrument --service_name my-server python my_mcp_server.py
Watch  groundhog stack watch
Stop   groundhog stack down""")
    return 0


@app.command
def down() -> int:
    """Stop the stack."""
    stopped = _stack().down()
    print(f"Stopped {', '.join(stopped)}" if stopped else "Nothing was running")
    return 0


@app.command
def restart(part: str, /) -> int:
    """Stop one part and start it again with the settings and the data it had; the others go on.

    Parameters
    ----------
    part
        Its name, such as jaeger.
    """
    found = _stack().restart(part_named(part).name)
    print(_row(found))
    return 0 if found.healthy else 1


@app.command
def status(*, as_json: Annotated[bool, Parameter(name="--json", negative=())] = False) -> int:
    """Say what is running and what has died, when and how; exit code 1 unless every part is healthy.

    Parameters
    ----------
    as_json
        Print JSON, for programs.
    """
    parts = _stack().status()
    if as_json:
        print(json.dumps({"format": 1, "parts": [_as_json(part) for part in parts]}, indent=2))
    else:
        for part in parts:
            print(_row(part))
    return 0 if all(part.healthy for part in parts) else 1


@app.command
def watch() -> int:
    """Stay until a part ends and say how, with exit code 1. Ctrl-C ends the watching and leaves the stack running."""
    stack = _stack()
    _say("Watching. Ctrl-C leaves the stack running")
    dead = watch_stack(stack, _say)
    for death in dead:
        _say(str(death))
    _say("Start it again with: groundhog stack up" if dead else "The stack was stopped")
    return 1 if dead else 0


@app.command
def logs(
    *parts: str,
    follow: Annotated[bool, Parameter(name=("--follow", "-f"), negative=())] = False,
    lines: Annotated[int, Parameter(name=("--lines", "-n"), validator=Number(gte=0))] = 20,
) -> int:
    """Print what the parts have said, in the order in which they said it.

    Parameters
    ----------
    parts
        Names, such as jaeger; by default all.
    follow
        Go on with what they say from now on, until Ctrl-C.
    lines
        How many lines of each part to begin with.
    """
    chosen = [part_named(name).name for name in parts] or [part.name for part in PARTS]
    stack = _stack()
    files = {part.name: stack.log(part) for part in PARTS if part.name in chosen}
    if not any(file.exists() for file in files.values()):
        raise StackError(f"{' and '.join(files)} left no log in {stack.settings.state}: groundhog stack up")
    coming = follow_logs(files) if follow else ()
    for name, line in merged(files, lines):
        print(f"{name:<12} | {line}")
    for name, line in coming:
        print(f"{name:<12} | {line}", flush=True)
    return 0


@app.command
def build(*, prune: Annotated[bool, _Flag] = False) -> int:
    """Build the programs, where they are not built yet, and print where they are.

    Parameters
    ----------
    prune
        Then remove all other builds from the cache, unless they are running. They may be another clone's.
    """
    stack = _stack()
    programs = stack.build()
    for name, path in sorted(programs.items()):
        print(f"{name:<20} {path}")
    if prune:
        cache = stack.settings.cache
        with locked(cache / "build.lock", "a build is under way; waiting for it", _say):
            for folder, size in prune_cache(cache, programs.values()):
                print(f"Removed {folder} ({size >> 20} MiB)")
    return 0


def _endpoint(port: int) -> str:
    """Return what tells the exporters of a port that is not their default."""
    return "" if port == STACK_PORTS["otlp_grpc"] else f"{ENV_OTLP_ENDPOINT}=http://127.0.0.1:{port} "


def _row(part: PartStatus) -> str:
    if part.died is not None:
        return f"{part.name:<13} {part.died.how}: {part.died.last_words}\n{'':<13} its log: {part.log}"
    words = "not running"
    if part.pid is not None:
        words = f"{'healthy' if part.healthy else 'not answering'} (process {part.pid})"
    return f"{part.name:<13} {words:<28} {part.address}"


def _as_json(part: PartStatus) -> dict[str, object]:
    died = None
    if part.died is not None:
        died = asdict(part.died)
        for repeated in ("name", "log"):
            del died[repeated]
        died["at"] = part.died.at.isoformat() if part.died.at else None
    return {**asdict(part), "log": part.log or None, "died": died}


def _stack() -> Stack:
    settings, problems = StackSettings.from_environ()
    if problems:
        raise StackError("; ".join(problems))
    return Stack(settings, say=_say)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
