from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from groundhog_otel.load.discovery import discover
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.generation.arguments import validator
from groundhog_otel.load.plan import Scenario, Step
from groundhog_otel.load.scenarios.checks import check
from groundhog_otel.load.session import ToolFacts
from groundhog_otel.load.targets import target_for
from tests.load.sample import make_sample
from tests.support.sdk import IS_V2, lowlevel, make_server, mcp_types

pytestmark = pytest.mark.anyio


async def test_tools_that_are_read_only_are_called_with_valid_arguments() -> None:
    async with target_for(make_sample()).open() as session:
        found = await discover(session, seed=1)
        assert {scenario.name for scenario in found.scenarios} == {"look"}
        assert sum(scenario.weight for scenario in found.scenarios) == pytest.approx(1)
        assert found.notes == (
            "not called, for they are not marked as read-only: add, boom, nap, roots, meta, variable, die",
        )
        assert found == await discover(session, seed=1)
        assert found != await discover(session, seed=2)
        for scenario in found.scenarios:
            (step,) = scenario.steps
            answer = await session.request(step.method, step.target, step.arguments, meta={}, timeout_s=20)
            assert answer.error is None, answer
        every = await discover(session, seed=1, unsafe_tools=True)
        assert {"add", "look", "nap"} <= {scenario.name for scenario in every.scenarios}
        schemas = {tool.name: tool.schema for tool in await session.tools()}
        for scenario in every.scenarios:
            validator(schemas[scenario.name]).validate(scenario.steps[0].arguments)
        await check(every.scenarios, session)


async def test_a_server_whose_tools_may_not_be_called() -> None:
    async with target_for(make_server()).open() as session:
        with pytest.raises(LoadError) as error:
            await discover(session, seed=1)
    assert "The server has 4 tools and marks none as read-only (readOnlyHint)" in str(error.value)
    assert "allow it with --unsafe-tools (in Python: unsafe_tools), or write scenarios" in str(error.value)


async def test_a_server_without_tools() -> None:
    module: Any = __import__("mcp.server.mcpserver" if IS_V2 else "mcp.server.fastmcp", fromlist=["x"])
    empty = (module.MCPServer if IS_V2 else module.FastMCP)("empty")
    async with target_for(empty).open() as session:
        with pytest.raises(
            LoadError, match="The server has no tools: write scenarios that read its resources or prompts"
        ):
            await discover(session, seed=1)


class Listing:
    """A session of which only the tools are asked for."""

    def __init__(self, *tools: ToolFacts) -> None:
        self._tools = tools

    async def tools(self) -> tuple[ToolFacts, ...]:
        return self._tools


async def test_a_tool_whose_schema_cannot_be_met_is_left_out_with_a_note() -> None:
    good = ToolFacts("good", {"type": "object", "properties": {"x": {"const": "${literal}"}}, "required": ["x"]}, True)
    bad = replace(good, name="bad", schema={"properties": {"x": {"pattern": r"(a)\1"}}, "required": ["x"]})
    found = await discover(Listing(good, bad), seed=1)  # type: ignore[arg-type]
    assert found.scenarios == (Scenario("good", (Step(target="good", arguments={"x": "$${literal}"}),)),)
    assert len(found.notes) == 1
    assert found.notes[0].startswith("bad is left out, no arguments could be made for it: the pattern")
    with pytest.raises(LoadError, match="No tool of the server can be called: bad is left out"):
        await discover(Listing(bad), seed=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("endless", [False, True])
async def test_every_page_of_a_list_is_read(endless: bool) -> None:
    types = mcp_types()

    def page(cursor: str | None) -> Any:
        number = int(cursor or 0)
        schema = {"input_schema" if IS_V2 else "inputSchema": {"type": "object"}}
        following = {
            "next_cursor" if IS_V2 else "nextCursor": "1" if endless else str(number + 1) if number < 2 else None
        }
        return types.ListToolsResult(tools=[types.Tool(name=f"tool{number}", **schema)], **following)

    async with target_for(_paged(page)).open() as session:
        if endless:
            with pytest.raises(LoadError, match="pages of tools/list never end"):
                await session.tools()
        else:
            assert [tool.name for tool in await session.tools()] == ["tool0", "tool1", "tool2"]


def _paged(page: Any) -> Any:
    """Return a low-level server that lists tools by pages."""
    module: Any = __import__("mcp.server.lowlevel", fromlist=["Server"])
    types = mcp_types()
    if IS_V2:

        async def list_tools(_context: Any, params: Any) -> Any:
            return page(params.cursor if params is not None else None)

        return module.Server("paged", on_list_tools=list_tools)
    server = module.Server("paged")

    async def listing(request: Any) -> Any:
        return types.ServerResult(page(request.params.cursor if request.params is not None else None))

    server.request_handlers[types.ListToolsRequest] = listing
    return lowlevel(server)


def calling(target: str, data: Any = (), **arguments: Any) -> tuple[Scenario, ...]:
    first = Step(target="look", arguments={"word": "a"}, save={"saved": "content[0].text"})
    return (Scenario("one", (first, Step(target=target, arguments=arguments)), data=data),)


@pytest.mark.parametrize(
    ("scenarios", "sentence"),
    [
        (calling("lok", word="a"), "Scenario 'one', step 2: the server has no tool 'lok'; did you mean look?"),
        (calling("add", a=1), "step 2: the arguments break the schema of add: 'b' is missing: add it"),
        (calling("look", wrod="a"), "'word' is missing: write it in place of 'wrod'"),
        (calling("look", word="a", times="x"), "break the schema of look at times: 'x' is not of type 'integer'"),
        (
            calling("look", ({"n": 1}, {"n": "x"}), word="a", times="${n}"),
            "at times with row 2 of the data: 'x' is not of type 'integer'",
        ),
        (calling("look", times="${saved}"), "'word' is missing: add it"),
        (
            (Scenario("p", (Step("prompts/get", "gret"),)),),
            "Scenario 'p', step 1: the server has no prompt 'gret'; did you mean greet?",
        ),
        ((Scenario("p", (Step("prompts/get", "greet"),)),), "the prompt greet needs the argument 'name': add it"),
        (
            (Scenario("r", (Step("resources/read", "memo://nte"),)),),
            "lists no resource 'memo://nte', and no template that it fits; did you mean memo://note?",
        ),
    ],
)
async def test_a_scenario_that_does_not_fit_the_server(scenarios: Any, sentence: str) -> None:
    async with target_for(make_sample()).open() as session:
        with pytest.raises(LoadError) as error:
            await check(scenarios, session)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


async def test_scenarios_that_fit_the_server() -> None:
    server = make_sample()

    @server.resource("file:///{folder}/{name}")
    def file(folder: str, name: str) -> str:
        return folder + name

    fitting = (
        *calling("look", word="${saved}", times="${saved}"),
        *calling("${tool}", ({"tool": "add"},), a="${tool}"),
        Scenario(
            "r", (Step("resources/read", "file:///a/b"), Step("resources/read", "memo://note"), Step("tools/list"))
        ),
        Scenario("p", (Step("prompts/get", "greet", {"name": "Ada"}),)),
    )
    async with target_for(server).open() as session:
        await check(fitting, session)


@pytest.mark.skipif(not IS_V2, reason="a protocol of mcp 2")
async def test_ping_is_no_request_of_the_newest_protocol() -> None:
    pinging = (Scenario("one", (Step("ping"),)),)
    async with target_for(make_sample()).open() as session:
        with pytest.raises(LoadError, match="ping is no request of 2026-07-28: leave it away, or choose"):
            await check(pinging, session)
    async with target_for(make_sample(), protocol="handshake").open() as session:
        await check(pinging, session)
