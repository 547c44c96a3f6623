"""A load test without scenarios: the tools that a server lists, called with arguments made from their schemas."""

from __future__ import annotations

from typing import Final, NamedTuple

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.generation.arguments import Arguments, Unsatisfiable
from groundhog_otel.load.plan import Scenario, Step
from groundhog_otel.load.scenarios.templates import escape
from groundhog_otel.load.session import Session
from groundhog_otel.report.units import amount

__all__ = ("Discovered", "discover")

VARIANTS: Final = 10
"""How many different arguments a tool is called with, at most."""


class Discovered(NamedTuple):
    """What a server can be asked."""

    scenarios: tuple[Scenario, ...]
    """Each calls one tool once; all tools weigh the same."""
    notes: tuple[str, ...]
    """Which tools were left out, and why."""


async def discover(session: Session, *, seed: int, unsafe_tools: bool = False) -> Discovered:
    """Return a scenario for every tool that the server marks as read-only; for all of them with ``unsafe_tools``.

    Raises:
        LoadError: there are no tools, none may be called, or none can.
    """
    tools = await session.tools()
    if not tools:
        raise LoadError("The server has no tools: write scenarios that read its resources or prompts")
    allowed = [tool for tool in tools if tool.read_only or unsafe_tools]
    notes = []
    if not allowed:
        raise LoadError(
            f"The server has {amount(len(tools), 'tool')} and marks none as read-only (readOnlyHint), so a call might"
            " change something: allow it with --unsafe-tools (in Python: unsafe_tools), or write scenarios"
        )
    left = [tool.name for tool in tools if tool not in allowed]
    if left:
        notes.append(f"not called, for they are not marked as read-only: {', '.join(left)}")
    scenarios: list[Scenario] = []
    for tool in allowed:
        steps: list[Step] = []
        try:
            made = Arguments(tool.schema)
            for variant in range(VARIANTS):
                step = Step(target=tool.name, arguments=escape(made.draw(f"{seed}/{tool.name}/{variant}")))
                if step not in steps:
                    steps.append(step)
        except Unsatisfiable as error:
            notes.append(f"{tool.name} is left out, no arguments could be made for it: {error}")
            continue
        scenarios += [Scenario(tool.name, (step,), weight=1 / len(steps)) for step in steps]
    if not scenarios:
        raise LoadError(f"No tool of the server can be called: {notes[-1]}")
    return Discovered(tuple(scenarios), tuple(notes))
