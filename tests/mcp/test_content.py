"""Content is recorded for whoever asks for it, cut to a length and through a hook; and names by request."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from groundhog_otel import semconv
from groundhog_otel.settings import McpSettings
from tests.support import sdk
from tests.support.telemetry import attributes, capturing

pytestmark = pytest.mark.anyio
CLIENT, SERVER = SpanKind.CLIENT, SpanKind.SERVER
ARGUMENTS, RESULT = semconv.GEN_AI_TOOL_CALL_ARGUMENTS, semconv.GEN_AI_TOOL_CALL_RESULT


async def _call(settings: McpSettings, tool: str = "add", *, failing: bool = False) -> list[dict[str, Any]]:
    with capturing(settings, failing=failing) as capture:
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.call_tool(tool, {"a": 1, "b": 2} if tool == "add" else {"x": sdk.SECRET})
        return [attributes(capture.one(kind, f"tools/call {tool}")) for kind in (CLIENT, SERVER)]


async def test_arguments_and_result_at_both_sides() -> None:
    for found in await _call(McpSettings(capture_content=True)):
        assert json.loads(found[ARGUMENTS]) == {"a": 1, "b": 2}
        assert json.loads(found[RESULT])["content"][0]["text"] == "3"


async def test_a_failed_call_has_no_result() -> None:
    for found in await _call(McpSettings(capture_content=True), "boom"):
        assert ARGUMENTS in found
        assert RESULT not in found


async def _refused(settings: McpSettings) -> list[tuple[str | None, dict[str, Any]]]:
    """Ask for a resource that makes its server raise; return both spans' status descriptions and attributes."""
    server = sdk.make_server()

    @server.resource("memo://broken")
    def broken() -> str:
        raise ValueError(sdk.SECRET)

    with capturing(settings, failing=True) as capture:
        async with sdk.in_memory(server) as session:
            with pytest.raises(Exception) as raised:  # noqa: PT011
                await session.read_resource(sdk.uri("memo://broken"))
        spans = [capture.one(kind, "resources/read") for kind in (CLIENT, SERVER)]
    assert all(span.status.status_code is StatusCode.ERROR for span in spans)
    message = str(raised.value.error.message)  # type: ignore[attr-defined]
    return [(span.status.description, {**attributes(span), "message": message}) for span in spans]


async def test_the_message_of_an_error_is_content() -> None:
    for description, _ in await _refused(McpSettings()):
        assert description in (None, "Internal error", "Resource not found")
    for description, found in await _refused(McpSettings(capture_content=True)):
        assert description == found["message"]
    for description, found in await _refused(McpSettings(capture_content=True, capture_max_length=4)):
        assert description == found["message"][:4]
    for description, found in await _refused(McpSettings(capture_content=True, redact=lambda *what: f"hidden {what}")):
        assert description == f"hidden {('error', 'resources/read', found['message'])}"
    for description, _ in await _refused(McpSettings(capture_content=True, redact=fail)):
        assert description in (None, "Internal error", "Resource not found")


async def test_nothing_without_asking() -> None:
    for found in await _call(McpSettings()):
        assert not {ARGUMENTS, RESULT} & set(found)


async def test_cut_to_a_length() -> None:
    for found in await _call(McpSettings(capture_content=True, capture_max_length=5)):
        assert [len(found[ARGUMENTS]), len(found[RESULT])] == [5, 5]


def hide(what: str, tool: str, value: Any) -> Any:
    """Redact, as a user's function would."""
    return {"what": what, "tool": tool, "keys": sorted(value)}


@pytest.mark.parametrize("redact", [hide, f"{__name__}:hide"])
async def test_through_a_hook(redact: Any) -> None:
    for found in await _call(McpSettings(capture_content=True, redact=redact)):
        assert json.loads(found[ARGUMENTS]) == {"what": "arguments", "tool": "add", "keys": ["a", "b"]}
        assert json.loads(found[RESULT])["what"] == "result"


def fail(*_args: Any) -> Any:
    """Fail, as a user's function may."""
    raise RuntimeError(sdk.SECRET)


@pytest.mark.parametrize("redact", [fail, "no.such.module:function"])
async def test_a_hook_that_fails_records_nothing(redact: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "groundhog_otel"):
        for found in await _call(McpSettings(capture_content=True, redact=redact), failing=True):
            assert not {ARGUMENTS, RESULT} & set(found)
    (record,) = caplog.records
    assert sdk.SECRET not in logging.Formatter().format(record), "what a hook raises may repeat what it was to hide"


async def test_what_json_cannot_hold_is_no_obstacle() -> None:
    settings = McpSettings(capture_content=True, redact=lambda *_: {"odd": object()})
    for found in await _call(settings):
        assert "object object" in found[ARGUMENTS]


async def test_resources_may_name_their_spans() -> None:
    with capturing(McpSettings(resource_uri_in_name=True)) as capture:
        async with sdk.in_memory(sdk.make_server()) as session:
            await session.read_resource(sdk.uri("memo://note"))
    capture.one(SERVER, "resources/read memo://note")
    capture.one(CLIENT, "resources/read memo://note")
