"""What a peer records of a call that succeeds, one that fails in the tool and one that fails in the protocol.

Usage: ``python -m bench.peers.probe PEER``, in the peer's environment; answers with a JSON object. Nothing in it is
taken from anybody's word: every column is read off the spans and metrics of real calls.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from bench.peers.adapters import PEERS, Recorder
from bench.peers.subject import connected
from tests.support import sdk

ARGUMENT, RAISED = "argument-marker-5150", "exception-marker-5150"
_RETURNED = "is_error", "isError"


async def probe(peer: str) -> dict[str, Any]:
    fastmcp = peer.startswith("fastmcp")
    recorder = Recorder(keep=True)
    PEERS[peer](recorder)
    quiet = {"raise_on_error": False} if fastmcp else {}
    changed: list[str] = []

    async def watched(doing: Awaitable[Any], what: str, expected: Callable[[Any], bool]) -> list[dict[str, Any]]:
        recorder.exporter.clear()
        recorder.events.clear()
        result = None
        try:
            result = await doing
        except Exception as exc:
            result = exc
        if not expected(result):
            changed.append(f"{what}: {result!r}"[:200])
        await asyncio.sleep(0.2)  # the server's side of it may end a little later
        return recorder.spans()

    async with connected(fastmcp=fastmcp, http=True) as client:
        await client.call_tool("echo", {"text": "warm-up"}, **quiet)  # the SDKs list the tools after the first call
        good = await watched(
            client.call_tool("echo", {"text": ARGUMENT}, **quiet),
            "result",
            lambda result: any(getattr(block, "text", None) == ARGUMENT for block in getattr(result, "content", ())),
        )
        bad = await watched(
            client.call_tool("boom", {"text": RAISED}, **quiet),
            "error in the tool",
            lambda result: any(getattr(result, name, False) for name in _RETURNED),
        )
        refused = await watched(
            client.read_resource(sdk.uri("memo://nowhere")),
            "JSON-RPC error",
            lambda result: isinstance(result, Exception) and type(result).__name__.lower() == "mcperror",
        )
    return {
        **_of_good(good),
        "error.type, tool": _sides_with(bad, "error.type"),
        "error.type, JSON-RPC": _sides_with(refused, "error.type"),
        "metrics": [name for name in recorder.metric_names() if name.startswith("mcp.")],
        "other metrics": [name for name in recorder.metric_names() if not name.startswith(("mcp.", "http.", "otel."))],
        "changed": changed,
        "leaks": [
            what
            for what, marker, spans in (("arguments or result", ARGUMENT, good), ("exception", RAISED, bad))
            if any(marker in span["text"] for span in spans)
        ],
    }


def _of_good(spans: list[dict[str, Any]]) -> dict[str, Any]:
    calls = [span for span in spans if span["name"].partition(" ")[0] not in ("POST", "GET", "DELETE")]
    clients = [span for span in calls if span["kind"] == "CLIENT"]
    servers = [span for span in calls if span["kind"] == "SERVER"]
    ids = {span["id"] for span in clients}
    return {
        "spans": len(calls),
        "client spans": len(clients),
        "server spans": len(servers),
        "names": sorted(f"{span['kind']} {span['name']}" for span in calls),
        "one trace": bool(calls) and len({span["trace"] for span in calls}) == 1,
        "child": bool(clients and servers) and all(span["parent"] in ids for span in servers),
        "mcp.method.name": _sides_with(calls, "mcp.method.name"),
        "gen_ai.tool.name": _sides_with(calls, "gen_ai.tool.name"),
        "jsonrpc.request.id": _sides_with(calls, "jsonrpc.request.id"),
        "mcp.protocol.version": _sides_with(calls, "mcp.protocol.version"),
    }


def _sides_with(spans: list[dict[str, Any]], key: str) -> str:
    """Return on which sides a span has the attribute: C, S, CS, or nothing."""
    return "".join(
        kind[0]
        for kind in ("CLIENT", "SERVER")
        if any(key in one["attributes"] for one in spans if one["kind"] == kind)
    )


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    answer = asyncio.run(probe(sys.argv[1]))
    print("\n" + json.dumps(answer))
