"""FastMCP in processes of its own: over stdio, and imported before or after we come."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anyio.to_thread
import pytest
from opentelemetry.trace import SpanKind

from groundhog_otel.store.reader import read_runs
from groundhog_otel.store.selection import select_runs
from tests.fastmcp import sample
from tests.mcp.test_stdio import INSTRUMENT, ROOT, wait_for_ping
from tests.support import sdk
from tests.support.telemetry import Capture

BY_NAME = """
from groundhog_otel.mcp import McpInstrumentor
{first}
from tests.support.telemetry import capturing
from tests.fastmcp import sample
import asyncio

async def main() -> None:
    with capturing() as capture:
        {second}
        async with Client(server) as client:
            await client.call_tool("add", {{"a": 1, "b": 2}})
        kinds = sorted(span.kind.name for span in capture.spans(name="tools/call add"))
        assert kinds == ["CLIENT", "SERVER"], kinds
    async with Client(server) as client:
        await client.call_tool("add", {{"a": 1, "b": 2}})
    assert len(capture.spans(name="tools/call add")) == 2

asyncio.run(main())
"""
IMPORT = "from fastmcp import Client, FastMCP; from tests.fastmcp.sample import make_server; server = make_server()"


@pytest.mark.parametrize(("first", "second"), [(IMPORT, "pass"), ("pass", IMPORT)], ids=["before us", "after us"])
def test_imported_by_name(first: str, second: str) -> None:
    code = BY_NAME.format(first=first, second=second)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def _written(store: Path) -> str:
    return "".join(file.read_text() for file in store.rglob("*.jsonl"))


@pytest.mark.anyio
async def test_over_stdio_both_sides_are_one_trace(capture: Capture, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "GROUNDHOG_DIR": str(tmp_path),
        "OTEL_TRACES_EXPORTER": "groundhog_file",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "FASTMCP_CHECK_FOR_UPDATES": "off",
    }
    command = (INSTRUMENT, sys.executable, "-m", "tests.fastmcp.sample")
    async with sdk.over_stdio(*command, env=environment) as session:
        await session.call_tool("inner_add", {"a": 1, "b": 2})
        await session.call_tool("inner_boom", {})
        await session.send_ping()
        await anyio.to_thread.run_sync(wait_for_ping, tmp_path)
    recorded = list(read_runs(select_runs(tmp_path)).spans)
    for name in ("tools/call inner_add", "tools/call inner_boom"):
        client = capture.one(SpanKind.CLIENT, name)
        (server,) = [span for span in recorded if span.name == name]
        assert (server.kind, server.parent_id) == ("server", f"{client.context.span_id:016x}")
        if sample.HAS_SPANS:
            assert server.attributes["fastmcp.server.name"] == "main"
            assert "mcp.session.id" not in server.attributes
            (step,) = [span for span in recorded if span.name == name.replace("tools/call", "delegate")]
            assert step.parent_id == server.span_id
    assert sdk.SECRET not in _written(tmp_path)
