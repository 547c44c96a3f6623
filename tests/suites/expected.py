"""The tests of other projects that must differ under instrumentation, and why."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

__all__ = ("reason",)

_NATIVE = "asks for the spans of the SDK itself, which ours stand in for"
_PINNED = "holds a message to the letter, and the trace context is in its _meta"
_REPLACED = ("spans", "default")
_PROPAGATED = ("default", "keep")
_ASSERTION = re.compile(r"AssertionError|^E +assert ", re.MULTILINE)

_EXPECTED: dict[tuple[str, tuple[str, ...], str], str] = {
    ("mcp2", _REPLACED, "tests/server/test_otel.py::*"): _NATIVE,
    ("mcp2", _REPLACED, "tests/shared/test_otel.py::*"): _NATIVE,
    ("mcp2", _REPLACED, "tests/docs_src/test_opentelemetry.py::*"): _NATIVE,
    ("fastmcp4", _REPLACED, "tests/client/telemetry/*"): _NATIVE,
    ("fastmcp4", _REPLACED, "tests/server/telemetry/*"): _NATIVE,
    ("fastmcp4", _REPLACED, "tests/telemetry/test_interop.py::*"): _NATIVE,
    ("fastmcp4", _REPLACED, "tests/tasks/client/test_task_tracing.py::test_tasked_call_creates_client_spans"): _NATIVE,
}


def reason(suite: str, mode: str, test: str, message: str) -> str | None:
    """Return why a test differs in that mode; None when nothing explains it.

    A comparison that fails over a ``traceparent`` is explained where the context propagates. An error is not.
    """
    for (of, modes, pattern), why in _EXPECTED.items():
        if of == suite and mode in modes and fnmatchcase(test, pattern):
            return why
    if mode in _PROPAGATED and "traceparent" in message and _ASSERTION.search(message):
        return _PINNED
    return None
