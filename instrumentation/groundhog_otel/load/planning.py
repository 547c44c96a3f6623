"""What a test is going to do, settled with the server before it begins."""

from __future__ import annotations

from dataclasses import replace

from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step
from groundhog_otel.load.session import Session, Target, ToolFacts

__all__ = ("planned",)


async def planned(config: LoadTestConfig, target: Target) -> LoadTestConfig:
    """Return a configuration with scenarios: its own, or one for each tool that may be called.

    A session of its own is opened for that, and closed again. Where there are several worker processes, all of them do
    what is found here.

    Raises:
        LoadError: the server cannot be reached, or there is nothing that may be called.
    """
    if config.test_scenarios:
        return config
    async with target.open() as session:
        return replace(config, test_scenarios=await _discovered(session, unsafe_tools=config.unsafe_tools))


async def _discovered(session: Session, *, unsafe_tools: bool) -> tuple[Scenario, ...]:
    tools = await session.tools()
    if not tools:
        raise LoadError("The server has no tools: write scenarios that read its resources or prompts")
    allowed = [tool for tool in tools if tool.read_only or unsafe_tools]
    if not allowed:
        raise LoadError(f"None of the server's {len(tools)} tools is marked as read-only: allow it with unsafe_tools")
    callable_as_they_are = [tool for tool in allowed if not _required(tool)]
    if not callable_as_they_are:
        raise LoadError("Every tool of the server needs arguments: write scenarios that give them")
    return tuple(Scenario(tool.name, (Step(target=tool.name),)) for tool in callable_as_they_are)


def _required(tool: ToolFacts) -> bool:
    return bool(tool.schema.get("required"))
