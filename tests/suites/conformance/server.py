"""What the conformance tests expect of a server, on either generation of the SDK: ``server.py <port>``.

The names and texts are the conformance package's own.
"""

from __future__ import annotations

import base64
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.suites.conformance.elicitations import SCHEMA, Defaults, Enums, Word
from tests.suites.conformance.events import EventStore
from tests.support.sdk import IS_V2, context_class, lowlevel, mcp_types

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
types = mcp_types()


def content(kind: str, **fields: Any) -> Any:
    """Return a content block of the protocol, given as on the wire."""
    return getattr(types, f"{kind}Content").model_validate({"type": kind.lower(), **fields})


def embedded(uri: str, mime: str, text: str) -> Any:
    """Return a resource inside a message."""
    resource = {"uri": uri, "mimeType": mime, "text": text}
    return types.EmbeddedResource.model_validate({"type": "resource", "resource": resource})


def make_server(port: int) -> Any:
    """Return the server with all its tools, resources and prompts."""
    module: Any = import_module("mcp.server.mcpserver" if IS_V2 else "mcp.server.fastmcp")
    resumable = {"event_store": EventStore(), "retry_interval": 100}
    options = {"log_level": "CRITICAL"} | ({} if IS_V2 else {**resumable, "port": port})
    if IS_V2:
        options["request_state_security"] = module.RequestStateSecurity(keys=[b"thirty-two bytes are the minimum"])
    server: Any = (module.MCPServer if IS_V2 else module.FastMCP)("conformance", **options)
    add_contents(server)
    add_conversations(server)
    add_resources(server)
    add_prompts(server)
    if IS_V2:
        import_module("tests.suites.conformance.modern").add(server)
    else:
        add_handlers_v1(server)
    server.start = lambda: server.run("streamable-http", **({"port": port, **resumable} if IS_V2 else {}))
    return server


def tool(server: Any, function: Any) -> Any:
    """Register a tool; ``ctx`` is annotated here, because its class is another one in each generation."""
    if "ctx" in function.__code__.co_varnames[: function.__code__.co_argcount]:
        function.__annotations__["ctx"] = context_class()
    return server.tool(description=f"Conformance: {function.__name__}", structured_output=False)(function)


def add_contents(server: Any) -> None:
    """Add the tools that return every kind of content, and an error."""

    def test_simple_text() -> str:
        return "This is a simple text response for testing."

    def test_image_content() -> Any:
        return content("Image", data=PNG, mimeType="image/png")

    def test_audio_content() -> Any:
        return content("Audio", data=WAV, mimeType="audio/wav")

    def test_embedded_resource() -> Any:
        return embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")

    def test_multiple_content_types() -> list[Any]:
        return [
            content("Text", text="Multiple content types test:"),
            content("Image", data=PNG, mimeType="image/png"),
            embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
        ]

    def test_error_handling() -> str:
        raise ValueError("This tool intentionally returns an error for testing")

    def json_schema_2020_12_tool() -> str:
        return "schema"

    for function in (
        test_simple_text,
        test_image_content,
        test_audio_content,
        test_embedded_resource,
        test_multiple_content_types,
        test_error_handling,
        json_schema_2020_12_tool,
    ):
        tool(server, function)
    # Neither generation lets a tool bring its own schema.
    server._tool_manager._tools["json_schema_2020_12_tool"].parameters = SCHEMA


def add_conversations(server: Any) -> None:
    """Add the tools that talk to the client while they run."""

    async def test_tool_with_logging(ctx: Any) -> str:
        for text in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await ctx.info(text)
            await anyio.sleep(0.05)
        return "done"

    async def test_tool_with_progress(ctx: Any) -> str:
        for progress in (0, 50, 100):
            await ctx.report_progress(progress, 100, f"Completed step {progress} of 100")
            await anyio.sleep(0.05)
        return "done"

    async def test_sampling(prompt: str, ctx: Any) -> str:
        message = types.SamplingMessage(role="user", content=content("Text", text=prompt))
        answer = await ctx.session.create_message([message], max_tokens=100, related_request_id=ctx.request_id)
        return f"LLM response: {answer.content.text}"

    async def test_elicitation(message: str, ctx: Any) -> str:
        answer = await ctx.elicit(message, Word)
        return f"User response: {answer.model_dump_json()}"

    async def test_elicitation_sep1034_defaults(ctx: Any) -> str:
        answer = await ctx.elicit("Defaults, please", Defaults)
        return f"Elicitation completed: {answer.model_dump_json()}"

    async def test_elicitation_sep1330_enums(ctx: Any) -> str:
        answer = await ctx.elicit("Choices, please", Enums)
        return f"Elicitation completed: {answer.model_dump_json()}"

    async def test_reconnection(ctx: Any) -> str:
        await ctx.close_sse_stream()
        await anyio.sleep(0.2)
        return "Reconnected"

    for function in (
        test_tool_with_logging,
        test_tool_with_progress,
        test_sampling,
        test_elicitation,
        test_elicitation_sep1034_defaults,
        test_elicitation_sep1330_enums,
        test_reconnection,
    ):
        tool(server, function)


def add_resources(server: Any) -> None:
    """Add resources of text and of bytes, and a template."""

    @server.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        return base64.b64decode(PNG)

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def template(id: str) -> str:  # noqa: A002 - the template's own name
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    @server.resource("test://watched-resource", mime_type="text/plain")
    def watched() -> str:
        return "Watched resource content"


def add_prompts(server: Any) -> None:
    """Add prompts of every kind, and completions."""
    base: Any = import_module("mcp.server.mcpserver.prompts.base" if IS_V2 else "mcp.server.fastmcp.prompts.base")

    @server.prompt(description="A prompt of the conformance tests")
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description="A prompt of the conformance tests")
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description="A prompt of the conformance tests")
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[Any]:  # noqa: N803 - the argument's own name
        resource = embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
        return [base.UserMessage(resource), base.UserMessage("Please process the embedded resource above.")]

    @server.prompt(description="A prompt of the conformance tests")
    def test_prompt_with_image() -> list[Any]:
        image = content("Image", data=PNG, mimeType="image/png")
        return [base.UserMessage(image), base.UserMessage("Please analyze the image above.")]

    @server.completion()
    async def complete(_ref: Any, _argument: Any, _context: Any) -> Any:
        return types.Completion(values=["paris", "park"])


def add_handlers_v1(server: Any) -> None:
    """Add what the high-level server has no decorator for."""
    inner = lowlevel(server)

    async def accept(_value: Any) -> None:
        return None

    inner.set_logging_level()(accept)
    inner.subscribe_resource()(accept)
    inner.unsubscribe_resource()(accept)


if __name__ == "__main__":
    make_server(int(sys.argv[1])).start()
