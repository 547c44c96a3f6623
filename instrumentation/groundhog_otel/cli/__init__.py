"""The ``groundhog`` command: one file per sub-command, each loaded only when it is called."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cyclopts import App

__all__ = ("main", "make_app")

_WITH_COMMAND: Final = ("run", "doctor", "load", "profile", "optimize")
"""Sub-commands that take another command after ``--``."""
_TAKING_IT: Final = (*_WITH_COMMAND, "scale", "cpu", "memory")
"""The functions behind them, and behind theirs."""

_OF_LOAD: Final = ("hdrh", "jsonschema", "mcp", "scipy")
"""What the extra "load" brings, beside what "tools" does."""
_OF_OPTIMIZE: Final = (*_OF_LOAD, "duckdb")


def make_app() -> App:
    """Return the command line: every command with its help, and none of them loaded.

    Raises:
        ModuleNotFoundError: the extra "tools" is not installed.
    """
    from cyclopts import App  # noqa: PLC0415 - of that extra

    from groundhog_otel import __version__  # noqa: PLC0415

    app = App(
        name="groundhog",
        version=__version__,
        help="OpenTelemetry for MCP servers and clients: record a run, read it, or start the backends for many.",
        result_action="return_value",
    )
    # Their help is repeated here, so that listing the commands does not load them.
    app.command(
        "groundhog_otel.cli.run:run",
        name="run",
        help="Start a command and record its MCP operations in files.\n\n"
        "Its input, output and exit code stay its own. Read the recording with: groundhog report",
        usage="Usage: groundhog run [OPTIONS] -- COMMAND...",
    )
    app.command(
        "groundhog_otel.cli.doctor:doctor",
        name="doctor",
        help="Say what is instrumented, where telemetry goes, and what keeps it from arriving.\n\n"
        "It reads only. The exit code is 1 when something needs fixing.",
        usage="Usage: groundhog doctor [--json] [-- COMMAND...]",
    )
    app.command("groundhog_otel.cli.report:report", name="report", help="Print what was recorded, against the budgets.")
    app.command(
        "groundhog_otel.cli.runs:app",
        name="runs",
        help="List what was recorded, and remove the oldest of it.",
    )
    app.command(
        "groundhog_otel.cli.analyze:analyze",
        name="analyze",
        help="Find what makes a recording slow, and say what to do about it.",
    )
    app.command(
        "groundhog_otel.cli.replay:replay_recording",
        name="replay",
        help="Send recorded traces to Jaeger, with their own timestamps.",
    )
    app.command(
        "groundhog_otel.cli.stack:app",
        name="stack",
        help="Run the Collector, Jaeger, Prometheus and Alertmanager on loopback.",
    )
    app.command(
        "groundhog_otel.cli.dashboards:app",
        name="dashboards",
        help="Write Grafana's dashboards and the rules behind Jaeger's Monitor tab.",
    )
    app.command(
        "groundhog_otel.cli.alerts:app",
        name="alerts",
        help="Check, generate, prove and explain the alerts.",
    )
    app.command(
        "groundhog_otel.cli.load:app",
        name="load",
        help="Test a server under load: how fast it answers, from the moment each request was due.",
    )
    app.command(
        "groundhog_otel.cli.profile:app",
        name="profile",
        help="Profile a server: which line of which tool takes the time, which call the memory.",
    )
    app.command(
        "groundhog_otel.cli.optimize:app",
        name="optimize",
        help="Find what makes a server slow, try what may help beside the server without it, keep what has proved to.",
    )
    app.command(
        "groundhog_otel.cli.health:health",
        name="health",
        help="Say whether a process answers, and whether it is within its budgets.",
    )
    app.command(
        "groundhog_otel.cli.top:top",
        name="top",
        help="Show the operations of a process, live: latency against budget, errors, what is under way.",
    )
    return app


def main() -> None:
    """Run the command line; an error that a user can mend is one line on standard error, and exit code 1."""
    try:
        app = make_app()
    except ModuleNotFoundError:
        sys.exit("groundhog: the command line is an extra of this package: pip install 'groundhog-otel[tools]'")
    from groundhog_otel.alerts import AlertError  # noqa: PLC0415
    from groundhog_otel.load.errors import LoadError  # noqa: PLC0415
    from groundhog_otel.pipeline import StackError  # noqa: PLC0415
    from groundhog_otel.profiling.errors import ProfileError  # noqa: PLC0415
    from groundhog_otel.store import StoreError  # noqa: PLC0415

    words, after = _split(sys.argv[1:])
    if words[:1] == ["load"] and any(find_spec(name) is None for name in _OF_LOAD):
        sys.exit("groundhog: load tests are an extra of this package: pip install 'groundhog-otel[load]'")
    if words[:1] == ["optimize"] and any(find_spec(name) is None for name in _OF_OPTIMIZE):
        sys.exit("groundhog: optimising is an extra of this package: pip install 'groundhog-otel[optimize]'")
    try:
        command, bound, _ = app.parse_args(words)
        if command.__name__ not in _TAKING_IT:
            after = []
        result = command(*bound.args, *after, **bound.kwargs)
        if not words:
            from groundhog_otel.cli.beginning import next_steps  # noqa: PLC0415 - only here

            print(next_steps())
        sys.stdout.flush()
    except (AlertError, LoadError, ProfileError, StackError, StoreError) as error:
        sys.exit(f"groundhog: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader has seen enough, as `head` does; Python would complain of it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    sys.exit(result if isinstance(result, int) else 0)


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Part our own words from those of the command to run, which cyclopts 4 would search for ``--help`` too."""
    if words[:1] in ([name] for name in _WITH_COMMAND) and "--" in words:
        cut = words.index("--")
        return words[:cut], words[cut + 1 :]
    return words, []
