"""A tool that blocks the event loop, run in a worker thread."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Final

from groundhog_otel.optimizer.actions.action import Action, Measure, Refused, Risk, text
from groundhog_otel.optimizer.actions.tools import UNSEEN, around_tools, runs_in_a_thread, takes_context

__all__ = ("Offload",)

_MOST_KNOWN: Final = 64
"""Functions of one tool's name: a server has one. More would be made for each call."""


class Offload(Action):
    """Runs the function of one named tool in a worker thread: one that is ``async`` in an event loop of its own there.

    The loop that serves the others goes on meanwhile. What the function shares with its server's loop (locks, clients,
    the session) it does not find in its own; a tool that is given the context is left alone therefore.
    """

    name = "offload"
    does = "runs in a worker thread, and no longer in the event loop of all"
    risk: ClassVar[Risk] = "medium"
    promises: ClassVar[tuple[Measure, ...]] = ("p50", "p99")
    options: ClassVar = {"tool": text}
    unseen: ClassVar[str] = UNSEEN
    required: ClassVar[tuple[str, ...]] = ("tool",)

    tool: str

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._patches = around_tools(self.tool, self._run)
        self._made: dict[int, tuple[Any, Any]] = {}
        """By a function's identity: itself, and what stands in for it."""

    def apply(self) -> None:
        """Arrange for it."""
        self._patches.install()

    def revert(self) -> None:
        """Have the SDK's own way back. Tools were never changed: copies of them were run."""
        self._patches.remove()
        self._made.clear()

    async def _run(
        self, tool: Any, original: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        stand_in = self._stand_in(tool)
        if stand_in is not None:
            changed = {"fn": stand_in, **({"is_async": True} if hasattr(tool, "is_async") else {})}
            tool = tool.model_copy(update=changed)
        return await original(tool, *args, **kwargs)

    def _stand_in(self, tool: Any) -> Any:
        """Return what is to be run in place of a tool's function, the same each time; None for the function itself."""
        known = self._made.get(id(tool.fn))
        if known is not None and known[0] is tool.fn:
            return known[1]
        if len(self._made) >= _MOST_KNOWN:
            self._made.clear()
        try:
            made = in_a_thread(tool)
            self.told("applied", f"{self.tool} runs in a worker thread")
        except Refused as why:
            made = None
            self.told("refused", str(why))
        self._made[id(tool.fn)] = (tool.fn, made)
        return made


def in_a_thread(tool: Any) -> Callable[..., Awaitable[Any]]:
    """Return an ``async`` function that does in a worker thread what a tool's function does.

    Raises:
        Refused: it is in one already, or could not do its work there.
    """
    function = tool.fn
    if takes_context(tool):
        raise Refused(f"{tool.name} takes the server's context, which works in the server's event loop only")
    blocking = not _is_async(function)
    if blocking and runs_in_a_thread(tool):
        raise Refused(f"{tool.name} is not async, so the server runs it in a worker thread already")

    async def offloaded(*args: Any, **kwargs: Any) -> Any:
        import anyio.to_thread  # noqa: PLC0415 - of the program's, not of ours

        work = functools.partial(function, *args, **kwargs)
        if blocking:
            return await anyio.to_thread.run_sync(work)
        backend = "trio" if asyncio._get_running_loop() is None else "asyncio"
        return await anyio.to_thread.run_sync(functools.partial(anyio.run, work, backend=backend))

    functools.update_wrapper(offloaded, function)
    return offloaded


def _is_async(function: Any) -> bool:
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004
