"""Another instrumentation of MCP in the same process, each in a process of its own: one span per side and message."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from tests.support import sdk

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = "groundhog_otel.mcp"
TITLES = {
    "traceloop": "opentelemetry-instrumentation-mcp",
    "adot": "aws-opentelemetry-distro",
    "logfire": "logfire",
    "openinference": "openinference-instrumentation-mcp",
    "openlit": "openlit",
    "ddtrace over OTLP": "ddtrace",
}
ELSEWHERE = {"sentry": "sentry-sdk", "ddtrace": "ddtrace"}
"""Those whose spans no OpenTelemetry pipeline sees, however many they make."""
QUIET = {
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_TRACE_AGENT_URL": "http://127.0.0.1:9",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
}
# Who is started first, and whether mcp is there already when they are.
ORDERS = [("ours", "nothing"), ("other", "nothing"), ("other", "mcp")]


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _those_here(titles: dict[str, str]) -> list[Any]:
    return [
        pytest.param(name, marks=pytest.mark.skipif(not _installed(package), reason=f"{package} is not installed"))
        for name, package in titles.items()
    ]


@pytest.fixture(params=_those_here(TITLES))
def other(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _run(other: str, order: tuple[str, str], native_spans: str) -> tuple[dict[str, Any], int]:
    """Return what one call left, here and elsewhere, and how many warnings named the other one."""
    if sdk.IS_V2 and other == "traceloop" and order[0] == "other":
        pytest.skip("on mcp 2 it breaks the import of mcp by itself; started after us, it is not let in")
    command = [sys.executable, "-m", "tests.mcp.peer_program", other, *order, native_spans]
    exporter = {"OTEL_TRACES_EXPORTER": "otlp" if other == "ddtrace over OTLP" else ""}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **QUIET, **exporter},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # openlit prints, too
    assert found["counts"] == [1, 1], "the metrics are ours in any case"
    return found, done.stderr.count("is not used for it")


def _assert_ours(found: dict[str, Any]) -> None:
    assert [(span["kind"], span["name"], span["scope"]) for span in found["spans"]] == [
        ("CLIENT", "tools/call add", OURS),
        ("SERVER", "tools/call add", OURS),
    ]
    assert found["spans"][1]["parent"] == found["spans"][0]["id"]


@pytest.mark.parametrize("order", ORDERS, ids=" first, imported ".join)
def test_ours_makes_the_span(other: str, order: tuple[str, str]) -> None:
    found, warnings = _run(other, order, "replace")
    _assert_ours(found)
    assert found["elsewhere"] == []
    # On mcp 2, logfire and ddtrace do nothing: where they have come and gone before us, there is nothing to say.
    gone = {"logfire": order[0] == "other", "ddtrace over OTLP": order == ("other", "mcp")}
    idle = other == "openinference" or (sdk.IS_V2 and gone.get(other, False))
    assert warnings == (0 if idle else 1)


@pytest.mark.skipif(sdk.IS_V2, reason="on mcp 2 ddtrace does nothing")
@pytest.mark.parametrize("order", ORDERS, ids=" first, imported ".join)
@pytest.mark.parametrize("which", _those_here({"ddtrace as the provider": "ddtrace"}))
def test_where_ours_become_datadogs_spans_there_is_one_each(which: str, order: tuple[str, str]) -> None:
    found, warnings = _run(which, order, "replace")
    assert found["elsewhere"] == ["tools/call add"] * 2
    assert (found["spans"], warnings) == ([], 1)


@pytest.mark.parametrize("native_spans", ["replace", "keep"])
@pytest.mark.parametrize("order", ORDERS, ids=" first, imported ".join)
@pytest.mark.parametrize("which", _those_here(ELSEWHERE))
def test_those_that_never_meet_ours_are_left_alone(which: str, order: tuple[str, str], native_spans: str) -> None:
    found, warnings = _run(which, order, native_spans)
    if not sdk.IS_V2 or native_spans == "replace":  # else the SDK's own
        _assert_ours(found)
    assert warnings == 0
    if not (sdk.IS_V2 and which == "ddtrace"):  # which does nothing there
        assert found["elsewhere"], "its own spans go where they went before"


@pytest.mark.skipif(sdk.IS_V2, reason="on mcp 2 none of them makes spans of messages")
@pytest.mark.parametrize("order", ORDERS, ids=" first, imported ".join)
def test_with_keep_theirs_stays(other: str, order: tuple[str, str]) -> None:
    found, warnings = _run(other, order, "keep")
    assert warnings == 0
    spans = found["spans"]
    ours = [span for span in spans if span["scope"] == OURS]
    if other == "ddtrace over OTLP":
        assert not spans
        assert {"client_tool_call", "server_tool_call"} <= set(found["elsewhere"])
        return
    if other == "openlit":  # several for each step of the sender's, and of FastMCP's
        (receiver,) = ours
        assert receiver["kind"] == "SERVER"
        assert receiver["parent"] in {span["id"] for span in spans if span is not receiver}
        return
    sender, receiver = [span for span in spans if span["name"].endswith(("tools/call add", "add.tool", "tools/call"))]
    assert receiver["parent"] == sender["id"]
    assert (sender in ours, receiver in ours) == {
        "traceloop": (False, True),  # it makes none at a server
        "adot": (False, False),
        "logfire": (False, False),
        "openinference": (True, True),  # it makes none at all
    }[other]
