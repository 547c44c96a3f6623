"""The answers of a named tool, kept for a while."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, ClassVar

from groundhog_otel.optimizer.actions.action import Action, Measure, Risk, number, text
from groundhog_otel.optimizer.actions.tools import UNSEEN, around_tools, takes_context

__all__ = ("CacheResult",)


class CacheResult(Action):
    """Answers a call of one named tool from what the same arguments gave less than ``ttl_s`` seconds ago.

    ``size_mb`` megabytes at most are kept; the longest unused goes first. Errors are not kept. Neither is anything of a
    tool that takes the context, nor of one that says it changes something.
    """

    name = "cache_result"
    does = "answers equal calls from memory"
    risk: ClassVar[Risk] = "high"
    promises: ClassVar[tuple[Measure, ...]] = ("p50", "p99", "cpu")
    options: ClassVar = {"tool": text, "ttl_s": number, "size_mb": number}
    unseen: ClassVar[str] = UNSEEN
    required: ClassVar[tuple[str, ...]] = ("tool",)
    opt_in: ClassVar[bool] = True

    tool: str
    ttl_s: float = 60.0
    size_mb: float = 16.0

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._patches = around_tools(self.tool, self._run)
        self._kept: OrderedDict[tuple[int, str], tuple[float, bytes]] = OrderedDict()
        """By tool and arguments: until when, and the answer, pickled: nobody can change it meanwhile."""
        self._size_bytes = 0
        self._refused: str | None = None
        self._told = False

    def apply(self) -> None:
        """Arrange for it."""
        self._patches.install()

    def revert(self) -> None:
        """Forget everything."""
        self._patches.remove()
        self._kept.clear()
        self._size_bytes = 0

    @property
    def size_bytes(self) -> int:
        """What is kept."""
        return self._size_bytes

    async def _run(
        self, tool: Any, original: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if self._refuses(tool):
            return await original(tool, *args, **kwargs)
        try:
            arguments = kwargs["arguments"] if "arguments" in kwargs else args[0]
            key = id(tool.fn), f"{json.dumps(arguments, sort_keys=True)} {kwargs.get('convert_result')}"
        except (IndexError, TypeError, ValueError):
            return await original(tool, *args, **kwargs)
        found = self._kept.get(key)
        if found is not None and found[0] > monotonic():
            self._kept.move_to_end(key)
            return pickle.loads(found[1])  # noqa: S301 - made a moment ago, here
        result = await original(tool, *args, **kwargs)
        self._keep(key, result)
        return result

    def _keep(self, key: tuple[int, str], result: Any) -> None:
        self._forget(key)
        if (
            getattr(result, "is_error", None)
            or getattr(result, "isError", None)
            or "InputRequired" in str(type(result))
        ):
            return
        try:
            pickled = pickle.dumps(result)
        except Exception as error:  # whatever a class of the program raises
            self._refuse(f"an answer of {self.tool} cannot be kept ({type(error).__name__})")
            return
        self._kept[key] = (monotonic() + self.ttl_s, pickled)
        self._size_bytes += len(pickled)
        while self._size_bytes > self.size_mb * 1e6:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: tuple[int, str]) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self._size_bytes -= len(gone[1])

    def _refuses(self, tool: Any) -> bool:
        if not self._told:
            self._told = True
            annotations = getattr(tool, "annotations", None)
            says = [getattr(annotations, name, None) for name in ("read_only_hint", "readOnlyHint")]
            if takes_context(tool):
                self._refuse(f"{tool.name} takes the server's context, so its answers may be one caller's only")
            elif False in says:
                self._refuse(f"{tool.name} says that it changes something (readOnlyHint)")
            else:
                self.told("applied", f"answers of {tool.name} are kept for {self.ttl_s:g} s")
        return self._refused is not None

    def _refuse(self, why: str) -> None:
        if self._refused is None:
            self._refused = why
            self.told("refused", why)
