"""A command that listens on a port, started for as long as it is needed."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from socket import create_server
from time import monotonic
from typing import IO, Final
from urllib.parse import urlsplit

import psutil

from groundhog_otel.load.clients.sdk import Protocol
from groundhog_otel.load.clients.url import UrlTarget
from groundhog_otel.load.errors import LoadError

__all__ = ("listening",)

_PORT: Final = "{port}"
_LOOK_S: Final = 0.05
_END_S: Final = 5.0
_TAIL_BYTES: Final = 4096


@asynccontextmanager
async def listening(
    words: Sequence[str], environ: Mapping[str, str], *, url: str, protocol: Protocol, within_s: float
) -> AsyncIterator[UrlTarget]:
    """Start a command on a free port of loopback, and yield its target once somebody listens there.

    ``{port}`` stands for the port, in the words and in the URL.

    Raises:
        LoadError: it ends, or does not listen in time, or is not told its port.
    """
    if not any(_PORT in word for word in words):
        raise LoadError("Two servers are to run side by side: write {port} where the command is told its port")
    port = _free()
    place = url.replace(_PORT, str(port))
    if urlsplit(place).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise LoadError(f"{url} is not of this machine: write it as http://127.0.0.1:{_PORT}/mcp")
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(  # noqa: ASYNC220 - it takes a millisecond, and nothing else runs yet
            [word.replace(_PORT, str(port)) for word in words],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        try:
            await _until_it_listens(process, port, said, within_s)
            yield UrlTarget(place, protocol=protocol, connect_timeout_s=within_s)
        finally:
            await asyncio.to_thread(_end, process)


def _free() -> int:
    with create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def _until_it_listens(process: subprocess.Popen[bytes], port: int, said: IO[str], within_s: float) -> None:
    deadline_s = monotonic() + within_s
    while monotonic() < deadline_s:
        if process.poll() is not None:
            said.seek(0)
            last = next((line for line in reversed(said.read()[-_TAIL_BYTES:].splitlines()) if line.strip()), "")
            words = f"; its last line: {last.strip()}" if last else ""
            raise LoadError(f"The server has ended with exit code {process.returncode}{words}")
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return
        await asyncio.sleep(_LOOK_S)
    raise LoadError(f"Nothing listens on port {port} after {within_s:g} s: write {_PORT} where the command takes it")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and all that it has started: asked first, then killed."""
    tree: list[psutil.Process] = []
    with suppress(psutil.Error):
        root = psutil.Process(process.pid)
        tree = [root, *root.children(recursive=True)]
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_S)
    for one in tree:
        with suppress(psutil.Error):
            if one.is_running() and one.status() != psutil.STATUS_ZOMBIE:
                one.kill()
    process.wait(_END_S)
