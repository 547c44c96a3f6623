"""A server over HTTP whose one tool takes a known time, and that writes what it was called with; as a program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio

from tests.support import sdk
from tests.support.processes import ROOT, environment


def make_server(calls: Path, takes_s: float) -> Any:
    server = sdk.make_server()
    hint: Any = sdk.mcp_types().ToolAnnotations
    log = calls.open("a", encoding="utf-8", buffering=1)

    @server.tool(annotations=hint.model_validate({"readOnlyHint": True}))
    async def look(word: str) -> str:
        log.write(f"{word!r}\n")
        await anyio.sleep(takes_s)
        return word

    return server


@contextmanager
def serving(calls: Path, *, takes_s: float = 0.02) -> Iterator[str]:
    """Start it in a process of its own, and yield its URL; each call is a line of ``calls``."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.load.steady_server", str(calls), str(takes_s)],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.stdin = None


if __name__ == "__main__":
    with sdk.http_server(make=lambda: make_server(Path(sys.argv[1]), float(sys.argv[2]))) as url:
        print(url, flush=True)
        sys.stdin.read()
