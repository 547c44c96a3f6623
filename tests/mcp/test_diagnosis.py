"""What the doctor says of the installed generation of mcp, every one of which is supported."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from groundhog_otel.diagnosis.instrumented import watched
from groundhog_otel.mcp.patching import Hook
from tests.support import sdk


def test_every_hook_applies() -> None:
    (found,) = [one for one in watched({}) if one.about == "mcp"]
    generation = "2.x" if sdk.IS_V2 else "1.x"
    assert found.level == "ok", found.says
    assert found.says.startswith(f"mcp {version('mcp')} is instrumented as SDK {generation}: ")


def test_a_hook_that_finds_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = (
        Hook("mcp.client.session", "ClientSession.call_tool", lambda f: f),
        Hook("mcp.client.session", "ClientSession.gone", lambda f: f),
        Hook("mcp.client.gone", "f", lambda f: f),
        Hook("mcp.client.gone", "g", lambda f: f, optional=True),
    )
    monkeypatch.setattr("groundhog_otel.diagnosis.instrumented._hooks", lambda _telemetry: hooks)
    (found,) = [one for one in watched({}) if one.about == "mcp"]
    assert found.level == "fix"
    assert "1 of 3 hooks apply" in found.says
    assert "mcp.client.session.ClientSession.gone (not there)" in found.says
    assert "mcp.client.gone.f (ModuleNotFoundError" in found.says
