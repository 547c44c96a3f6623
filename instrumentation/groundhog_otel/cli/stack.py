"""``groundhog stack``: the Collector, Jaeger, Prometheus and Alertmanager on this machine."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from cyclopts import App

from groundhog_otel.pipeline import StackError, elapsed
from groundhog_otel.pipeline.stack import PartStatus, Stack
from groundhog_otel.settings import ENV_OTLP_ENDPOINT
from groundhog_otel.settings.stack import ENV_JAEGER_BIN, STACK_PORTS, StackSettings

__all__ = ("app",)

_JAEGER = (
    f"/api/services (Jaeger, its API; for its web pages set {ENV_JAEGER_BIN} to an official release of Jaeger 2)",
    " (Jaeger)",
)
"""What there is to see at Jaeger's address: of the one we build, and of somebody else's."""

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
Stop   groundhog stack down""")
    return 0


@app.command
def down() -> int:
    """Stop the stack."""
    stopped = _stack().down()
    print(f"Stopped {', '.join(stopped)}" if stopped else "Nothing was running")
    return 0


@app.command
def status() -> int:
    """Say what is running; exit code 1 unless every part is healthy."""
    parts = _stack().status()
    for part in parts:
        print(f"{part.name:<13} {_words(part):<28} {part.address}")
    return 0 if all(part.healthy for part in parts) else 1


@app.command
def build() -> int:
    """Build the programs, where they are not built yet, and print where they are."""
    for name, path in sorted(_stack().build().items()):
        print(f"{name:<20} {path}")
    return 0


def _endpoint(port: int) -> str:
    """Return what tells the exporters of a port that is not their default."""
    return "" if port == STACK_PORTS["otlp_grpc"] else f"{ENV_OTLP_ENDPOINT}=http://127.0.0.1:{port} "


def _words(part: PartStatus) -> str:
    if part.pid is None:
        return f"died, see {part.log}" if part.log else "not running"
    return f"{'healthy' if part.healthy else 'not answering'} (process {part.pid})"


def _stack() -> Stack:
    settings, problems = StackSettings.from_environ()
    if problems:
        raise StackError("; ".join(problems))
    return Stack(settings, say=_say)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
