"""What only mcp 2.x has: requests for input within a result (2026-07-28), and handlers by method name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CreateMessageRequest,
    ElicitRequest,
    EmptyResult,
    InputRequiredResult,
    ListRootsRequest,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)
from pydantic import Field

Answer = str | InputRequiredResult


def form(message: str, field: str, kind: str = "string") -> ElicitRequest:
    """Return a question to the user."""
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest.model_validate(
        {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}
    )


def question(text: str) -> CreateMessageRequest:
    """Return a question to the model."""
    message = {"role": "user", "content": {"type": "text", "text": text}}
    return CreateMessageRequest.model_validate(
        {"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": 100}}
    )


def asked(ctx: Context, requests: Mapping[str, Any], state: str | None = None) -> InputRequiredResult | None:
    """Return the request for what is still to be answered; None when all is."""
    if requests.keys() <= (ctx.input_responses or {}).keys():
        return None
    return InputRequiredResult(input_requests=dict(requests), request_state=state)


def answered(ctx: Context, name: str, field: str) -> Any:
    """Return a field of what the user answered."""
    return (getattr((ctx.input_responses or {})[name], "content", None) or {}).get(field)


def add(server: Any) -> None:
    """Add all of it to the server."""
    add_rounds(server)
    add_probes(server)

    async def accept(_context: Any, _params: Any) -> EmptyResult:
        return EmptyResult()

    for method, params in (
        ("logging/setLevel", SetLevelRequestParams),
        ("resources/subscribe", SubscribeRequestParams),
        ("resources/unsubscribe", UnsubscribeRequestParams),
    ):
        server._lowlevel_server.add_request_handler(method, params, accept)


def add_probes(server: Any) -> None:
    """Add what the tests of the stateless protocol look at (SEP-2575, SEP-2243)."""

    @server.tool(description="Needs a client that can sample")
    async def test_missing_capability(ctx: Context) -> str:
        can = ctx.client_capabilities
        if can is None or can.sampling is None:
            needs: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This tool needs sampling", needs)
        return "The client can sample"

    @server.tool(description="An argument that is also a header")
    def test_x_mcp_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "none") -> str:
        return f"region={region}"

    @server.tool(description="Logs once")
    async def test_logging_tool(ctx: Context) -> str:
        await ctx.info("logged")
        return "logged"

    @server.tool(description="Says that the tools have changed")
    async def test_trigger_tool_change(ctx: Context) -> str:
        await ctx.notify_tools_changed()
        return "changed"

    @server.tool(description="Says that the prompts have changed")
    async def test_trigger_prompt_change(ctx: Context) -> str:
        await ctx.notify_prompts_changed()
        return "changed"


def add_rounds(server: Any) -> None:
    """Add the tools and the prompt that ask for input before they answer (SEP-2322)."""
    name = form("What is your name?", "name")

    @server.tool(description="Answers in more than one round")
    async def test_input_required_result_elicitation(ctx: Context) -> Answer:
        return asked(ctx, {"user_name": name}) or f"Hello, {answered(ctx, 'user_name', 'name')}!"

    @server.tool(description="Answers in more than one round")
    async def test_input_required_result_sampling(ctx: Context) -> Answer:
        return asked(ctx, {"capital_question": question("What is the capital of France?")}) or "Model said so"

    @server.tool(description="Answers in more than one round")
    async def test_input_required_result_list_roots(ctx: Context) -> Answer:
        return asked(ctx, {"client_roots": ListRootsRequest()}) or "Client exposed its roots"

    @server.tool(description="Answers in more than one round")
    async def test_input_required_result_request_state(ctx: Context) -> Answer:
        again = asked(ctx, {"confirm": form("Please confirm", "ok", "boolean")}, "nonce")
        return again or f"state-ok: {ctx.request_state}"

    @server.tool(description="Answers in more than one round")
    async def test_input_required_result_tampered_state(ctx: Context) -> Answer:
        again = asked(ctx, {"confirm": form("Please confirm", "ok", "boolean")}, "nonce")
        return again or f"state-ok: {ctx.request_state}"

    @server.tool(description="Answers in more than one round")
    async def test_input_required_result_multiple_inputs(ctx: Context) -> Answer:
        wanted = {"user_name": name, "greeting": question("Generate a greeting"), "client_roots": ListRootsRequest()}
        return asked(ctx, wanted, "multiple") or "All inputs received."

    @server.tool(description="Answers in more than one round")
    async def test_input_required_result_multi_round(ctx: Context) -> Answer:
        known = json.loads(ctx.request_state) if ctx.request_state else {}
        if "name" in known:
            again = asked(ctx, {"step2": form("Step 2: What is your favorite color?", "color")}, json.dumps(known))
            return again or f"{known['name']} likes {answered(ctx, 'step2', 'color')}."
        first = asked(ctx, {"step1": form("Step 1: What is your name?", "name")}, json.dumps(known))
        if first is not None:
            return first
        known = {"name": answered(ctx, "step1", "name")}
        return InputRequiredResult(
            input_requests={"step2": form("Step 2: What is your favorite color?", "color")},
            request_state=json.dumps(known),
        )

    @server.tool(description="Answers in more than one round")
    async def test_input_required_result_capabilities(ctx: Context) -> Answer:
        can = ctx.client_capabilities
        wanted: dict[str, Any] = {}
        if can is not None and can.sampling is not None:
            wanted["sample"] = question("Say hello")
        if can is not None and can.elicitation is not None:
            wanted["ask"] = name
        return asked(ctx, wanted, "gated") or "All inputs received."

    @server.prompt(description="Answers in more than one round")
    async def test_input_required_result_prompt(ctx: Context) -> Any:
        again = asked(ctx, {"user_context": form("What context should the prompt use?", "context")})
        return again or f"Use the following context: {answered(ctx, 'user_context', 'context')}"
