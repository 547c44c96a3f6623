"""A server and a client that exchange every message the handshake protocols have, for either generation of the SDK."""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import anyio

from tests.support import sdk

CANCELS = sdk.VERSION >= (1, 12)
"""In mcp 1.10 a cancelled request takes the whole server down, watched or not."""
_CANCELLING = ("notifications/cancelled", "tools/call forever") if CANCELS else ()
AT_THE_SERVER = (
    "completion/complete",
    "initialize",
    "logging/setLevel",
    "notifications/initialized",
    "notifications/progress",
    "notifications/roots/list_changed",
    "ping",
    "prompts/get greet",
    "prompts/list",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/templates/list",
    "resources/unsubscribe",
    "tools/call everything",
    "tools/list",
    *_CANCELLING,
)
"""Names of the spans that a server makes as the receiver, and its client as the sender."""
AT_THE_CLIENT = (
    "elicitation/create",
    "notifications/message",
    "notifications/progress",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/resources/updated",
    "notifications/tools/list_changed",
    "ping",
    "roots/list",
    "sampling/createMessage",
)
"""The other way round."""


def make_server(**settings: Any) -> Any:
    """Return the sample server, with handlers for all that a client may send and a tool that sends all a server may."""
    server = sdk.make_server(**settings)
    types = sdk.mcp_types()
    context = sdk.context_class()

    async def everything(ctx: Any) -> str:
        session = ctx.session
        message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=sdk.SECRET))
        schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
        await ctx.report_progress(1, 2)
        await ctx.info(sdk.SECRET)
        await session.create_message([message], max_tokens=10)
        await session.elicit(sdk.SECRET, schema)
        await session.list_roots()
        await session.send_ping()
        await session.send_tool_list_changed()
        await session.send_prompt_list_changed()
        await session.send_resource_list_changed()
        await session.send_resource_updated(sdk.uri(f"memo://user:{sdk.SECRET}@note?token={sdk.SECRET}"))
        return "all sent"

    everything.__annotations__["ctx"] = context
    server.tool()(everything)

    @server.tool()
    async def forever() -> None:
        await anyio.sleep_forever()

    @server.resource("memo://{name}/page")
    def page(name: str) -> str:
        return name

    @server.completion()
    async def complete(ref: Any, argument: Any, context: Any) -> Any:
        return types.Completion(values=["you"])

    _add_lowlevel_handlers(sdk.lowlevel(server), types)
    return server


def _add_lowlevel_handlers(inner: Any, types: Any) -> None:
    if not sdk.IS_V2:

        async def done(_value: Any) -> None: ...

        inner.subscribe_resource()(done)
        inner.unsubscribe_resource()(done)
        inner.set_logging_level()(done)
        return

    async def handled(_ctx: Any, _params: Any) -> Any:
        return types.EmptyResult()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method, params in (
            ("resources/subscribe", types.SubscribeRequestParams),
            ("resources/unsubscribe", types.UnsubscribeRequestParams),
            ("logging/setLevel", types.SetLevelRequestParams),
        ):
            inner.add_request_handler(method, params, handled)


def callbacks() -> dict[str, Any]:
    """Return a client's answers to what a server may ask."""
    types = sdk.mcp_types()

    async def sample(_context: Any, _params: Any) -> Any:
        text = types.TextContent(type="text", text=sdk.SECRET)
        return types.CreateMessageResult(role="assistant", content=text, model="m")

    async def elicit(_context: Any, _params: Any) -> Any:
        return types.ElicitResult(action="accept", content={"answer": sdk.SECRET})

    return {"sampling_callback": sample, "elicitation_callback": elicit}


async def exchange(session: Any) -> None:
    """Send all that a client may send, and have the server send all that it may."""
    types = sdk.mcp_types()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what 2026-07-28 dropped is deprecated in mcp 2.x
        await session.list_tools()
        await session.list_prompts()
        await session.list_resources()
        await session.list_resource_templates()
        await session.get_prompt("greet", {"name": sdk.SECRET})
        await session.read_resource(sdk.uri("memo://note"))
        await session.subscribe_resource(sdk.uri("memo://note"))
        await session.unsubscribe_resource(sdk.uri("memo://note"))
        await session.complete(
            types.PromptReference(type="ref/prompt", name="greet"), {"name": "name", "value": sdk.SECRET}
        )
        await session.set_logging_level("info")
        await session.send_ping()
        await session.send_roots_list_changed()
        await session.send_progress_notification("token", 1.0)
        await session.call_tool("everything", {}, progress_callback=_ignore_progress)
        await anyio.sleep(0.3)  # what a server sends outside of a request arrives when it arrives
        if CANCELS:
            await _cancelled_call(session)


async def _ignore_progress(progress: float, total: float | None, message: str | None) -> None:
    """Ask for progress to be sent."""


async def _call_until_cancelled(session: Any) -> None:
    with contextlib.suppress(Exception):  # mcp 1.x answers a cancelled request, with an error
        await session.call_tool("forever", {})


async def _cancelled_call(session: Any) -> None:
    """Call a tool that never answers, and tell the server to cancel it: 2.x does the latter by itself."""
    request_id = None if sdk.IS_V2 else session._request_id
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_call_until_cancelled, session)
        await anyio.sleep(0.3)
        if request_id is not None:
            types = sdk.mcp_types()
            params = types.CancelledNotificationParams(requestId=request_id)
            notification = types.CancelledNotification(method="notifications/cancelled", params=params)
            await session.send_notification(types.ClientNotification(notification))
            await anyio.sleep(0.2)
        tasks.cancel_scope.cancel()
    await session.send_ping()


if __name__ == "__main__":
    make_server().run("stdio")
