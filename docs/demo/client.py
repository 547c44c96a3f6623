"""A client session with three MCP servers: two that others published, and a slow one. No word of OpenTelemetry in it.

Started by ``groundhog run``, which has set the environment up so that every Python program below it is recorded. All
this program does about that is to pass the environment on to the servers that it starts.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, cast

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

HERE = Path(__file__).resolve().parent
REPOSITORY = str(HERE.parent.parent)
GROUNDHOG = str(Path(sys.executable).parent / "groundhog")
START_S = 60
"""Seconds that a server has to start, on a machine that reads its files for the first time."""

Calls = Sequence[tuple[str, dict[str, Any]]]
"""Tools, and the arguments to call them with."""

GIT: Calls = [
    ("git_status", {"repo_path": REPOSITORY}),
    ("git_log", {"repo_path": REPOSITORY, "max_count": 5}),
    ("git_diff_unstaged", {"repo_path": REPOSITORY}),
    ("git_branch", {"repo_path": REPOSITORY, "branch_type": "local"}),
] * 12
TIME: Calls = [
    ("get_current_time", {"timezone": "Asia/Tokyo"}),
    ("convert_time", {"source_timezone": "UTC", "time": "16:30", "target_timezone": "Europe/Berlin"}),
] * 30
SLOW: Calls = [
    *[("nap", {"ms": ms}) for ms in range(60, 310, 10)],
    *[("quick", {"text": "hello"})] * 50,
    *[("fail", {})] * 5,
]


class DemoError(Exception):
    """A server did not do what it should; one line says which and why."""


async def main() -> None:
    """Call every server, one after the other."""
    servers: list[tuple[str, str, AbstractAsyncContextManager[Client], Calls]] = [
        ("mcp-server-git", "stdio", over_stdio("mcp-server-git", "--repository", REPOSITORY), GIT),
        ("mcp-server-time", "stdio", over_stdio("mcp-server-time", "--local-timezone", "UTC"), TIME),
        ("slow-server", "streamable HTTP", over_http("slow-server", HERE / "slow_server.py"), SLOW),
    ]
    for index, (name, transport, connection, calls) in enumerate(servers, 1):
        title = f"[{index}/{len(servers)}] {name} over {transport}"
        show(f"{title}: starting")
        async with connection as client:
            for done, (tool, arguments) in enumerate(calls, 1):
                result = await client.call_tool(tool, arguments)
                if result.is_error and tool != "fail":
                    raise DemoError(f"{name}: {tool} answered with an error: {result.content}")
                show(f"{title}: {done} of {len(calls)} calls", last=done == len(calls))


def show(text: str, *, last: bool = False) -> None:
    """Show progress: a line that is rewritten on a terminal, the last state of it elsewhere."""
    if sys.stdout.isatty():
        print(f"\r{text:<70}", end="\n" if last else "", flush=True)
    elif last:
        print(text, flush=True)


@asynccontextmanager
async def over_stdio(name: str, *arguments: str) -> AsyncIterator[Client]:
    """Start a published server, unmodified, and connect to its standard input and output."""
    with TemporaryFile("w+") as errors:
        parameters = StdioServerParameters(
            command=GROUNDHOG,
            args=["run", "--name", name, "--", str(Path(sys.executable).parent / name), *arguments],
            env=dict(os.environ),  # without this, the SDK passes on six variables only, and none of OpenTelemetry's
        )
        try:
            streams = stdio_client(parameters, errlog=cast("Any", errors))
            async with Client(streams, read_timeout_seconds=START_S) as client:
                yield client
        except Exception as error:
            raise failure(name, error, errors) from None


@asynccontextmanager
async def over_http(name: str, script: Path) -> AsyncIterator[Client]:
    """Start a server of our own on a free loopback port, and connect to it by streamable HTTP."""
    port = free_port()
    with TemporaryFile("w+") as errors:
        command = (GROUNDHOG, "run", "--name", name, "--", sys.executable, str(script), str(port))
        process = await asyncio.create_subprocess_exec(*command, stdout=errors, stderr=errors)
        try:
            await listening(process, port)
            async with Client(f"http://127.0.0.1:{port}/mcp", read_timeout_seconds=START_S) as client:
                yield client
        except Exception as error:
            raise failure(name, error, errors) from None
        finally:
            await stopped(process)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def listening(process: asyncio.subprocess.Process, port: int) -> None:
    """Wait until somebody listens on ``port``."""
    for _ in range(START_S * 20):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if process.returncode is not None:
                raise DemoError(f"it ended with exit code {process.returncode}") from None
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise DemoError(f"it did not start within {START_S} s")


async def stopped(process: asyncio.subprocess.Process) -> None:
    """Stop a server as Ctrl-C does, which gives it the time to hand over its last spans; by force if need be."""
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), 10)
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()


def failure(name: str, error: BaseException, errors: IO[str]) -> DemoError:
    """Return what went wrong with a server, in one line: the error, and the last thing the server said."""
    while isinstance(getattr(error, "exceptions", None), tuple):
        error = error.exceptions[0]  # type: ignore[attr-defined] # ExceptionGroup, which Python 3.10 has not
    errors.seek(0)
    said = [line.strip() for line in errors if line.strip()]
    return DemoError(f"{name} failed: {error}{f' (it said: {said[-1]})' if said else ''}")


async def until_stopped() -> None:
    """Run, and stop what was started also when this process is asked to end."""
    task = asyncio.ensure_future(main())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


if __name__ == "__main__":
    try:
        asyncio.run(until_stopped())
    except DemoError as error:
        sys.exit(f"\ndemo: {error}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("\ndemo: stopped")
