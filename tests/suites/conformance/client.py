"""What the conformance tests expect of a client, on either generation of the SDK: ``client.py <url>``.

``MCP_CONFORMANCE_SCENARIO`` names what to do, ``MCP_CONFORMANCE_PROTOCOL_VERSION`` the protocol's revision.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.support.sdk import IS_V2, mcp_types, uri

types = mcp_types()
SCENARIO = os.environ["MCP_CONFORMANCE_SCENARIO"]
REVISION = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "")
# The server of this scenario speaks the handshake only, whatever the revision says.
LEGACY = REVISION < "2026" or SCENARIO == "json-schema-ref-no-deref"
EXAMPLES = {"string": "x", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "tools_call": ("add_numbers", {"a": 5, "b": 3}),
    "request-metadata": ("add_numbers", {"a": 5, "b": 3}),
    "sse-retry": ("test_reconnection", {}),
    "elicitation-sep1034-client-defaults": ("test_client_elicitation_defaults", {}),
}


async def accept(_context: Any, params: Any) -> Any:
    """Fill a form in with its defaults, and confirm."""
    schema = getattr(params, "requested_schema" if IS_V2 else "requestedSchema", {})
    filled = {name: field["default"] for name, field in schema["properties"].items() if "default" in field}
    return types.ElicitResult(action="accept", content=filled or {"confirmed": True})


async def sample(_context: Any, _params: Any) -> Any:
    """Answer as a model would."""
    text = types.TextContent(type="text", text="an answer")
    return types.CreateMessageResult(role="assistant", content=text, model="none")


async def roots(_context: Any) -> Any:
    """Offer no roots."""
    return types.ListRootsResult(roots=[])


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """Connect as the revision wants it."""
    callbacks: Any = {"elicitation_callback": accept, "sampling_callback": sample, "list_roots_callback": roots}
    if IS_V2:
        client = import_module("mcp.client.client").Client(url, mode="legacy" if LEGACY else "auto", **callbacks)
        async with client:
            yield client
        return
    async with AsyncExitStack() as opened:
        connecting = import_module("mcp.client.streamable_http").streamable_http_client(url)
        streams = await opened.enter_async_context(connecting)
        session = import_module("mcp").ClientSession(streams[0], streams[1], **callbacks)
        await opened.enter_async_context(session)
        await session.initialize()
        yield session


def arguments(tool: Any) -> dict[str, Any]:
    """Return the least that a tool can be called with."""
    schema = tool.input_schema if IS_V2 else tool.inputSchema
    properties = schema.get("properties", {})
    return {name: EXAMPLES.get(properties.get(name, {}).get("type"), "x") for name in schema.get("required", [])}


async def everything(client: Any, tools: list[Any]) -> None:
    """Call every tool, read every resource and get every prompt: whoever refuses one does not stop the rest.

    A scenario may say itself what to call with which arguments.
    """
    given = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}").get("toolCalls")
    offered = {tool.name: arguments(tool) for tool in tools}
    calls = offered.items() if given is None else [(call["name"], call.get("arguments", {})) for call in given]
    for name, values in calls:
        with suppress(Exception):
            if name in offered:
                await client.call_tool(name, values)
    with suppress(Exception):
        for resource in (await client.list_resources()).resources:
            await client.read_resource(uri(str(resource.uri)))
    with suppress(Exception):
        for prompt in (await client.list_prompts()).prompts:
            await client.get_prompt(prompt.name)


async def main() -> None:
    """Do what the scenario asks for."""
    async with connected(sys.argv[-1]) as client:
        tools = (await client.list_tools()).tools
        if SCENARIO in CALLS:
            await client.call_tool(*CALLS[SCENARIO])
        elif SCENARIO == "sep-2322-client-request-state":
            for name in ("echo_state", "unrelated", "no_state", "no_result_type"):
                await client.call_tool(f"test_mrtr_{name}", {})
        elif SCENARIO == "json-schema-2020-12-preservation":
            focal = next(tool for tool in tools if tool.name == "json_schema_2020_12_tool")
            schema = focal.input_schema if IS_V2 else focal.inputSchema
            await client.call_tool("json_schema_echo", {"schema": schema})
        elif SCENARIO.startswith("http-"):
            await everything(client, tools)


if __name__ == "__main__":
    anyio.run(main)
