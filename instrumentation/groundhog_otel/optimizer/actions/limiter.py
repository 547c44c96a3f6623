"""More worker threads: the bound within which anyio runs functions that would block."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, ClassVar

from groundhog_otel.mcp.patching import Hook, Patches
from groundhog_otel.optimizer.actions.action import Action, Measure, Risk, whole

__all__ = ("Limiter",)

_MODULE = "anyio.to_thread"


class Limiter(Action):
    """Sets ``total_tokens`` of the default limiter of each event loop, when the loop first asks for a thread."""

    name = "limiter"
    does = "worker threads may be busy at once, in place of anyio's 40"
    risk: ClassVar[Risk] = "low"
    promises: ClassVar[tuple[Measure, ...]] = ("p50", "p99")
    unseen: ClassVar[str] = "no worker thread was asked for under this load"
    options: ClassVar = {"tokens": whole(most=10_000)}

    tokens: int = 100

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._patches = Patches((Hook(_MODULE, "run_sync", self._around),))
        self._before: list[tuple[Any, float, Any]] = []
        """Limiters, how many tokens they had, and their loops."""

    def apply(self) -> None:
        """Arrange for it."""
        self._patches.install()

    def revert(self) -> None:
        """Give each limiter the tokens that it had."""
        self._patches.remove()
        before, self._before = self._before, []
        for limiter, tokens, loop in before:
            _set(limiter, tokens, loop)

    def _around(self, original: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def run_sync(*args: Any, **kwargs: Any) -> Any:
            # The program goes on whatever this finds; a limiter of its own, it passes itself.
            with suppress(Exception):
                self._look()
            return await original(*args, **kwargs)

        return run_sync

    def _look(self) -> None:
        limiter = sys.modules[_MODULE].current_default_thread_limiter()
        if any(limiter is known for known, _, _ in self._before):
            return
        before = limiter.total_tokens
        self._before.append((limiter, before, _running()))
        if before == self.tokens:
            self.told("refused", f"the limiter has {self.tokens} tokens already")
            return
        limiter.total_tokens = self.tokens
        self.told("applied", f"{before:g} worker threads before, {self.tokens} now")


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:  # another library's loop, such as trio's
        return None


def _set(limiter: Any, tokens: float, loop: asyncio.AbstractEventLoop | None) -> None:
    """Set it in the limiter's own loop: those who wait for it are woken there."""
    if loop is None or loop is _running() or not loop.is_running():
        limiter.total_tokens = tokens
    else:
        loop.call_soon_threadsafe(setattr, limiter, "total_tokens", tokens)
