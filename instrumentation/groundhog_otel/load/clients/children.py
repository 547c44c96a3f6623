"""The processes that the SDK's stdio client starts: their ids, what they say on standard error, and that they end."""

from __future__ import annotations

import asyncio
import atexit
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from typing import IO, Any, Final

import psutil

__all__ = ("Child", "Pids", "watch_spawns")

_TAIL_BYTES: Final = 8192
_TRIM_BYTES: Final = 4 << 20
_TRIM_S: Final = 10.0

_SPAWNING: Final[ContextVar[Child | None]] = ContextVar("groundhog_load_child", default=None)


class Pids(set[int]):
    """The processes that a target has started here. A copy of it in another process has started none."""

    def __reduce__(self) -> tuple[type[Pids], tuple[()]]:
        return Pids, ()


class Child:
    """A server's process, and everything that it starts."""

    def __init__(self, pids: Pids) -> None:
        self._pids = pids
        self._process: Any = None
        self._next_trim: asyncio.TimerHandle | None = None
        self._tree: list[psutil.Process] = []
        # Its own file, and not a pipe: a server that says much is not to wait for us to read it.
        self.errors: IO[str] = tempfile.TemporaryFile("a+", encoding="utf-8", errors="replace")  # noqa: SIM115

    def spawning(self) -> None:
        """Say that the process which this task is about to start is this one."""
        _SPAWNING.set(self)

    def started(self, process: Any) -> None:
        """Take note of the process."""
        self._process = process
        self._pids.add(process.pid)
        with suppress(psutil.Error):
            self._tree = [psutil.Process(process.pid)]
        _LIVE.add(self)
        self._trim()

    @property
    def exit_code(self) -> int | None:
        """How it has ended; None while it has not, or when it is not known."""
        code = getattr(self._process, "returncode", None)
        return code if isinstance(code, int) else None

    def last_words(self) -> str | None:
        """Return the last line that it has written to standard error."""
        with suppress(OSError, ValueError):
            number = self.errors.fileno()
            size = os.fstat(number).st_size
            text = os.pread(number, _TAIL_BYTES, max(0, size - _TAIL_BYTES)).decode("utf-8", "replace")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            return lines[-1] if lines else None
        return None

    def obituary(self) -> str | None:
        """Return how it has ended, for a person; None while it has not."""
        code, words = self.exit_code, self.last_words()
        if code is None:
            return None
        how = f"with exit code {code}" if code >= 0 else f"by signal {-code}"
        return f"the server has ended {how}" + (f"; its last line on standard error: {words}" if words else "")

    def _trim(self) -> None:
        """Throw away, now and then, what it has written to standard error, if that is much."""
        with suppress(OSError, ValueError):
            if os.fstat(self.errors.fileno()).st_size > _TRIM_BYTES:
                os.ftruncate(self.errors.fileno(), 0)  # the child appends, so it goes on at the new end
        self._next_trim = asyncio.get_running_loop().call_later(_TRIM_S, self._trim)

    def remember_tree(self) -> None:
        """Take note of all that it has started, before it ends and they become nobody's."""
        with suppress(psutil.Error):
            if self._tree:
                self._tree = [self._tree[0], *self._tree[0].children(recursive=True)]

    def end(self) -> None:
        """Kill what is left of it."""
        if self._next_trim is not None:
            self._next_trim.cancel()
        for process in self._tree:
            with suppress(psutil.Error):
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    process.kill()
        if self._process is not None:
            self._pids.discard(self._process.pid)
        _LIVE.discard(self)
        self.errors.close()


_LIVE: Final[set[Child]] = set()


@atexit.register
def _end_all() -> None:
    _end_these(tuple(_LIVE))


def _end_these(children: Iterable[Child]) -> None:
    for child in children:
        child.remember_tree()
        child.end()


@cache
def watch_spawns() -> None:
    """Have the SDK's stdio client tell each :class:`Child` its process, which it tells nobody else."""
    module: Any = import_module("mcp.client.stdio")
    original: Any = getattr(module, "_create_platform_compatible_process", None)
    if original is None:
        return

    async def create(*args: Any, **kwargs: Any) -> Any:
        process = await original(*args, **kwargs)
        child = _SPAWNING.get()
        if child is not None:
            child.started(process)
        return process

    module._create_platform_compatible_process = create
