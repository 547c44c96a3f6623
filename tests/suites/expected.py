"""The tests of other projects that must differ under instrumentation, and why: (suite, modes, pattern) to reason."""

from __future__ import annotations

_PINNED = "holds the message to the letter, and the trace context is in its _meta"

EXPECTED: dict[tuple[str, tuple[str, ...], str], str] = {
    ("mcp1", ("default", "keep"), "tests/client/test_list_methods_cursor.py::test_list_methods_*_parameter[*"): _PINNED,
    ("mcp1", ("default", "keep"), "tests/client/test_session.py::test_client_tool_call_with_meta[meta1]"): _PINNED,
}
