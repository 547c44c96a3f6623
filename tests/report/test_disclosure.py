from __future__ import annotations

import pytest

from groundhog_otel import semconv
from groundhog_otel.report.disclosure import WITHHELD, may_be_shown, shown_value
from groundhog_otel.store.model import Value

CONTENT = (
    semconv.GEN_AI_TOOL_CALL_ARGUMENTS, semconv.GEN_AI_TOOL_CALL_RESULT, "gen_ai.input.messages", "exception.message",
    "exception.stacktrace", "code.stacktrace", "db.query.text", "db.statement", "url.full", "url.query", "http.url",
    "process.command_line", "process.command_args", "process.environment_variable.TOKEN", "enduser.id", "order.note",
    "rpc.request.metadata.authorization", "http.request.header.authorization",
)  # fmt: skip
KNOWN = (
    semconv.MCP_METHOD_NAME, semconv.MCP_SESSION_ID, semconv.JSONRPC_REQUEST_ID, semconv.GEN_AI_TOOL_NAME,
    semconv.ERROR_TYPE, semconv.NETWORK_TRANSPORT, semconv.RPC_RESPONSE_STATUS_CODE, semconv.REQUEST_DIGEST,
    "code.function.name", "http.request.method", "db.system.name", "groundhog.profile.id",
)  # fmt: skip


@pytest.mark.parametrize("name", CONTENT)
@pytest.mark.parametrize("value", ["secret", ("secret",)])
def test_texts_that_may_be_content_are_left_out_unless_asked_for(name: str, value: Value) -> None:
    assert shown_value(name, value, content=False) == WITHHELD
    assert shown_value(name, value, content=True) == "secret"


@pytest.mark.parametrize("name", KNOWN)
def test_texts_that_conventions_know_are_shown(name: str) -> None:
    assert shown_value(name, "nap", content=False) == "nap"


def test_numbers_are_no_content() -> None:
    assert all(may_be_shown("order.note", value) for value in (1, 2.5, True, None))
    assert shown_value("order.count", 7, content=False) == 7


def test_a_long_text_is_cut() -> None:
    shown = shown_value("mcp.resource.uri", "x" * 9_000, content=False)
    assert isinstance(shown, str)
    assert len(shown) == 2_001
