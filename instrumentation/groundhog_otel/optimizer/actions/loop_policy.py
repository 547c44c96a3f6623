"""Another event loop: uvloop, where it is installed."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar, Final

from groundhog_otel.optimizer.actions.action import Action, Measure, Refused, Risk

__all__ = ("LoopPolicy",)

_NONE: Final = object()


class LoopPolicy(Action):
    """Has event loops that are made from now on be uvloop's. ``uvicorn`` takes uvloop by itself, where it is there."""

    name = "loop_policy"
    does = "event loops are uvloop's"
    risk: ClassVar[Risk] = "medium"
    promises: ClassVar[tuple[Measure, ...]] = ("p50", "cpu")

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._before: Any = _NONE

    def precondition(self) -> str | None:
        """Return why not, if so."""
        if find_spec("uvloop") is None:
            return "uvloop is not installed in the server's environment: pip install uvloop"
        if not hasattr(asyncio, "set_event_loop_policy"):
            return "this release of Python has no policies of event loops any more: run uvloop from the program"
        if asyncio._get_running_loop() is not None:
            return "an event loop runs already"
        return None

    def apply(self) -> None:
        """Set the policy."""
        why = self.precondition()
        if why is not None:
            raise Refused(why)
        with _unwarned():
            self._before = asyncio.get_event_loop_policy()
            asyncio.set_event_loop_policy(import_module("uvloop").EventLoopPolicy())
        self.told("applied", "event loops that are made from now on are uvloop's")

    def revert(self) -> None:
        """Set the policy that was there."""
        before, self._before = self._before, _NONE
        if before is not _NONE:
            with _unwarned():
                asyncio.set_event_loop_policy(before)


@contextmanager
def _unwarned() -> Iterator[None]:
    """Policies are deprecated from Python 3.14 on, and work until 3.16."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
