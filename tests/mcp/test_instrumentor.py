"""Instrumenting and taking it back: nothing imported, nothing left behind, one clear message when it cannot be."""

from __future__ import annotations

import logging
import subprocess
import sys
from importlib import import_module, metadata
from typing import Any

import pytest
import wrapt
from opentelemetry.trace import SpanKind

from groundhog_otel.mcp import McpInstrumentor
from groundhog_otel.mcp.instrumentor import _hooks
from groundhog_otel.mcp.patching import Hook, Patches
from groundhog_otel.mcp.telemetry import Telemetry
from groundhog_otel.settings import McpSettings
from tests.support import sdk
from tests.support.telemetry import capturing


def _wrapped(original: Any) -> Any:
    def ours(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    return ours


def _targets() -> dict[str, Any]:
    found = {}
    for hook in _hooks(Telemetry(McpSettings())):
        *parents, name = hook.path.split(".")
        owner: Any = import_module(hook.module)
        for parent in parents:
            owner = getattr(owner, parent, None)
        if hook.optional and name not in (vars(owner) if owner is not None else ()):
            continue
        found[f"{hook.module}.{hook.path}"] = vars(owner).get(name)
    return found


def test_every_object_is_replaced_and_put_back() -> None:
    before = _targets()
    with capturing():
        during = _targets()
        assert [name for name in before if during[name] is before[name]] == []
    after = _targets()
    assert [name for name in before if after[name] is not before[name]] == []
    with capturing():  # and again
        pass
    assert _targets() == before


def test_mcp_is_not_imported_by_us() -> None:
    code = """
import sys
from groundhog_otel.mcp import McpInstrumentor
McpInstrumentor().instrument()
loaded = [name for name in sys.modules if name.split(".")[0] in ("mcp", "mcp_types", "pydantic", "fastmcp")]
assert not loaded, loaded
import mcp.client.session
from mcp.client.session import ClientSession
hooked = [n for n in ("_on_request", "_received_request") if hasattr(getattr(ClientSession, n, None), "__wrapped__")]
assert hooked, "patched on import"
McpInstrumentor().uninstrument()
hooked = [n for n in ("_on_request", "_received_request") if hasattr(getattr(ClientSession, n, None), "__wrapped__")]
assert not hooked
import mcp.server.stdio
assert mcp.server.stdio.stdio_server.__code__.co_filename.startswith(sys.base_prefix), "left alone"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        (None, "mcp is not installed"),
        ("1.9.4", "1.9.4 is too old"),
        ("3.0.0", "3.0.0 is newer"),
    ],
)
def test_missing_or_unsupported_mcp_is_one_message_that_names_the_fix(
    installed: str | None, expected: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def version(name: str) -> str:
        if installed is None:
            raise metadata.PackageNotFoundError(name)
        return installed

    monkeypatch.setattr("groundhog_otel.mcp.instrumentor.metadata.version", version)
    before = _targets()
    instrumentor = McpInstrumentor()
    instrumentor.instrument()
    instrumentor.uninstrument()
    assert _targets() == before
    assert len(caplog.records) == 1
    assert expected in caplog.text
    assert "pip install" in caplog.text


def test_a_wrong_setting_is_one_message_and_the_default(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_MCP_NATIVE_SPANS", "both")
    instrumentor = McpInstrumentor()
    instrumentor.instrument()
    instrumentor.uninstrument()
    assert [record.getMessage() for record in caplog.records] == [
        "OTEL_PYTHON_MCP_NATIVE_SPANS='both' is not understood; using 'replace'. Write replace or keep."
    ]


def test_a_missing_symbol_costs_one_warning_and_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    import mcp.client.stdio as module

    original = module.stdio_client
    patches = Patches(
        [
            Hook("mcp.client.stdio", "gone", lambda f: f),
            Hook("mcp.client.stdio", "Gone.method", lambda f: f),
            Hook("mcp.client.stdio", "stdio_client", _wrapped),
        ]
    )
    with caplog.at_level(logging.WARNING):
        patches.install()
        assert module.stdio_client is not original
        patches.remove()
    assert module.stdio_client is original
    assert len(caplog.records) == 2
    assert "pip install -U groundhog-otel" in caplog.text


def test_somebody_elses_patch_on_top_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    import mcp.client.stdio as module

    original = module.stdio_client
    patches = Patches([Hook("mcp.client.stdio", "stdio_client", _wrapped)])
    patches.install()
    ours = module.stdio_client

    def theirs(*args: Any, **kwargs: Any) -> Any:
        return ours(*args, **kwargs)

    try:
        module.stdio_client = theirs
        patches.remove()
        assert module.stdio_client is theirs
        assert "patched by somebody else" in caplog.text
    finally:
        module.stdio_client = original


def test_the_supported_generation_is_the_one_installed() -> None:
    modules = {hook.module for hook in _hooks(Telemetry(McpSettings()))}
    assert ("mcp.shared.jsonrpc_dispatcher" in modules) is sdk.IS_V2


@pytest.mark.anyio
async def test_what_others_have_wrapped_is_called_as_they_mean_it_to_be() -> None:
    """A wrapper of wrapt's, as most instrumentations use: it has to be told the instance."""
    seen = []

    def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append(instance)
        return wrapped(*args, **kwargs)

    module, path = (
        ("mcp.shared.jsonrpc_dispatcher", "JSONRPCDispatcher.send_raw_request")
        if sdk.IS_V2
        else ("mcp.shared.session", "BaseSession.send_request")
    )
    owner: Any = getattr(import_module(module), path.split(".", maxsplit=1)[0])
    name = path.split(".")[1]
    original = vars(owner)[name]
    wrapt.wrap_function_wrapper(module, path, theirs)
    wrapped = vars(owner)[name]
    try:
        with capturing() as capture:
            async with sdk.in_memory(sdk.make_server()) as session:
                await session.call_tool("add", {"a": 1, "b": 2})
            capture.one(SpanKind.CLIENT, "tools/call add")
        assert vars(owner)[name] is wrapped
    finally:
        setattr(owner, name, original)
    assert seen
    assert all(isinstance(instance, owner) for instance in seen)
