"""What is done before a load test: the server is asked what it has, and a command is made to record itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from groundhog_otel.load.discovery import discover
from groundhog_otel.load.links.telemetry import Telemetry
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.scenarios.checks import check
from groundhog_otel.load.session import ServerFacts, Target
from groundhog_otel.load.targets import CommandTarget
from groundhog_otel.settings import forwarded_environment, inherited

__all__ = ("Prepared", "prepared")

_INSTRUMENTED: Final = frozenset({"opentelemetry-instrument", "groundhog"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A test that can begin."""

    target: Target
    config: LoadTestConfig
    """With scenarios, that the server can serve."""
    server: ServerFacts
    notes: tuple[str, ...] = ()
    """What a person should know beforehand, a sentence each."""


async def prepared(target: Target, config: LoadTestConfig, telemetry: Telemetry) -> Prepared:
    """Return a test with all that the server has to say to it.

    Raises:
        LoadError: the server cannot be reached, has nothing to call, or cannot serve a scenario.
    """
    notes = []
    if isinstance(target, CommandTarget):
        target, note = recorded(target, telemetry)
        notes += [note] if note else []
    problem = telemetry.problem()
    if problem is not None:
        notes.append(f"No traces: {problem}")
    async with target.open() as session:
        if config.test_scenarios:
            await check(config.test_scenarios, session)
        else:
            found = await discover(session, seed=config.seed, unsafe_tools=config.unsafe_tools)
            config = replace(config, test_scenarios=found.scenarios)
            notes += found.notes
        server = session.server
    return Prepared(target, config, server, tuple(notes))


def recorded(target: CommandTarget, telemetry: Telemetry) -> tuple[CommandTarget, str | None]:
    """Return a command whose spans go where the test's go, and what keeps them from it, if something does.

    Raises:
        LoadError: there is no such command.
    """
    if telemetry.mode == "none" or not target.command or Path(target.command[0]).name in _INSTRUMENTED:
        return target, None
    own = inherited()
    given = own if target.inherit == "all" else {"PATH": own.get("PATH", ""), **forwarded_environment()}
    started = telemetry.server(target.command, {**given, **target.env})
    return replace(target, command=started.words, env=started.environ), started.problem
