"""Fewer and shorter pauses of the garbage collector: what a server consists of is no garbage."""

from __future__ import annotations

import gc
import threading
from typing import Any, ClassVar

from groundhog_otel.optimizer.actions.action import Action, Measure, Refused, Risk, number, whole

__all__ = ("GcFreeze",)


class GcFreeze(Action):
    """Collects once when the program has warmed up, and has the collector leave alone what is there then.

    ``threshold`` is the number of new objects from which on the youngest generation is collected; Python's is 700 or
    2,000, by its version.
    """

    name = "gc_freeze"
    does = "what is there after the warm-up is not looked through for garbage again"
    risk: ClassVar[Risk] = "low"
    promises: ClassVar[tuple[Measure, ...]] = ("p99", "cpu")
    options: ClassVar = {"after_s": number, "threshold": whole()}

    after_s: float = 2.0
    threshold: int | None = None

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._timer: threading.Timer | None = None
        self._before: tuple[int, int, int] | None = None

    def precondition(self) -> str | None:
        """Return why not, if so."""
        if not gc.isenabled():
            return "the program has turned the garbage collector off itself"
        if gc.get_freeze_count():
            return "the program freezes objects itself"
        return None

    def apply(self) -> None:
        """Arrange for it, ``after_s`` seconds from now."""
        why = self.precondition()
        if why is not None:
            raise Refused(why)
        self._timer = threading.Timer(self.after_s, self._freeze)
        self._timer.daemon = True
        self._timer.name = "groundhog-gc-freeze"
        self._timer.start()

    def revert(self) -> None:
        """Have the collector look at everything again, as often as before."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            timer.join()
        before, self._before = self._before, None
        if before is not None:
            gc.set_threshold(*before)
            gc.unfreeze()

    def _freeze(self) -> None:
        why = self.precondition()  # the program may have done so meanwhile
        if why is not None:
            self.told("refused", why)
            return
        self._before = gc.get_threshold()
        gc.collect()
        gc.freeze()
        if self.threshold is not None:
            gc.set_threshold(self.threshold, *self._before[1:])
        self.told("applied", f"{gc.get_freeze_count():,} objects are left alone")
