"""What a program gets is what the bare SDK gives: the streams of each transport, and content of every kind."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import anyio
import pytest
from opentelemetry.trace import SpanKind

from groundhog_otel.settings import McpSettings
from tests.support import sdk
from tests.support.telemetry import attributes, capturing

pytestmark = pytest.mark.anyio


async def _yielded(make: Callable[[], Any]) -> tuple[str, list[str]]:
    """Return what a transport's context manager yields, by type."""
    async with make() as streams:
        return type(streams).__name__, [type(stream).__qualname__ for stream in streams]


def _transports(url: str, sse_url: str) -> dict[str, Callable[[], Any]]:
    from mcp import StdioServerParameters

    def stdio() -> Any:
        parameters = StdioServerParameters(command=sys.executable, args=["-m", "tests.support.sdk"])
        return import_module("mcp.client.stdio").stdio_client(parameters)

    found: dict[str, Callable[[], Any]] = {
        "stdio_client": stdio,
        "sse_client": lambda: import_module("mcp.client.sse").sse_client(sse_url),
        "memory": lambda: import_module("mcp.shared.memory").create_client_server_memory_streams(),
    }
    http: Any = import_module("mcp.client.streamable_http")
    for name in ("streamablehttp_client", "streamable_http_client"):
        if hasattr(http, name):
            found[name] = partial(getattr(http, name), url)
    return found


async def test_transports_yield_what_they_did() -> None:
    with sdk.http_server() as url, sdk.http_server(sse=True) as sse_url:
        bare = {name: await _yielded(make) for name, make in _transports(url, sse_url).items()}
        with capturing():
            watched = {name: await _yielded(make) for name, make in _transports(url, sse_url).items()}
    assert watched == bare
    assert len(bare["streamablehttp_client" if not sdk.IS_V2 else "streamable_http_client"][1]) == (
        2 if sdk.IS_V2 else 3
    )


async def test_a_stdio_servers_streams_are_what_they_were() -> None:
    async def yielded() -> list[str]:
        stdio: Any = import_module("mcp.server.stdio")
        empty = anyio.wrap_file(io.StringIO())
        async with stdio.stdio_server(empty, empty) as streams, streams[0], streams[1]:
            return [type(stream).__qualname__ for stream in streams]

    bare = await yielded()
    with capturing():
        assert await yielded() == bare


def _contents(types: Any) -> dict[str, list[Any]]:
    data = base64.b64encode(b"\x00\xff").decode()
    uri = sdk.uri("memo://note")
    text = types.TextResourceContents(uri=uri, text=sdk.SECRET)
    blob = types.BlobResourceContents(uri=uri, blob=data)
    # 2.x speaks Python's names, 1.x the protocol's.
    mime = "mime_type" if sdk.IS_V2 else "mimeType"
    return {
        "nothing": [],
        "text": [types.TextContent(type="text", text=sdk.SECRET)],
        "image": [types.ImageContent(type="image", data=data, **{mime: "image/png"})],
        "audio": [types.AudioContent(type="audio", data=data, **{mime: "audio/wav"})],
        "resource": [types.EmbeddedResource(type="resource", resource=text)],
        "blob": [types.EmbeddedResource(type="resource", resource=blob)],
        "link": [types.ResourceLink(type="resource_link", name="note", uri=uri)],
    }


def _lowlevel_server(contents: dict[str, list[Any]]) -> Any:
    """Return a low-level server whose tools answer with one kind of content each, as a success or as an error."""
    module: Any = import_module("mcp.server.lowlevel.server")
    types = sdk.mcp_types()
    failed = "is_error" if sdk.IS_V2 else "isError"

    def answer(name: str) -> Any:
        kind, _, how = name.partition("/")
        return types.CallToolResult(content=contents[kind], **{failed: how == "error"})

    if sdk.IS_V2:

        async def call(_ctx: Any, params: Any) -> Any:
            return answer(params.name)

        return module.Server("contents", on_call_tool=call)
    server = module.Server("contents")

    async def handle(request: Any) -> Any:
        return types.ServerResult(answer(request.params.name))

    server.request_handlers[types.CallToolRequest] = handle
    return server


async def _results(contents: dict[str, list[Any]]) -> dict[str, Any]:
    types = sdk.mcp_types()
    found = {}
    async with sdk.in_memory(_lowlevel_server(contents)) as session:
        for kind in contents:
            for how in ("success", "error"):
                params = types.CallToolRequestParams(name=f"{kind}/{how}", arguments={})
                request = types.CallToolRequest(method="tools/call", params=params)
                request = request if sdk.IS_V2 else types.ClientRequest(request)
                found[f"{kind}/{how}"] = await session.send_request(request, types.CallToolResult)
    return found


@pytest.mark.parametrize("settings", [McpSettings(), McpSettings(capture_content=True)], ids=["default", "content"])
async def test_content_of_every_kind_passes_unchanged(settings: McpSettings) -> None:
    contents = _contents(sdk.mcp_types())
    bare = await _results(contents)
    with capturing(settings) as capture:
        assert await _results(contents) == bare
    for name in bare:
        for kind in (SpanKind.CLIENT, SpanKind.SERVER):
            found = attributes(capture.one(kind, f"tools/call {name}"))
            assert found.get("error.type") == ("tool_error" if name.endswith("/error") else None)
            assert ("gen_ai.tool.call.result" in found) is (settings.capture_content and name.endswith("/success"))
            if not settings.capture_content:
                assert sdk.SECRET not in repr(found)
