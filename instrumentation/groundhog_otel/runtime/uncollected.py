"""No garbage collection while another thread's frames are looked at, where that can end the process: on Python 3.11."""

from __future__ import annotations

import gc
import sys
from contextlib import AbstractContextManager, nullcontext

__all__ = ("uncollected",)


def uncollected() -> AbstractContextManager[None]:
    """Return what is to be held while frames of other threads are walked. It is not to be nested.

    Python 3.11 makes a frame's object when it is first asked for, and that may begin a collection. A callback of
    ``gc.callbacks``, or a finalizer, then lets the other thread run on and leave the frame that the object is made
    for: the object refers to memory that is something else by now. Before 3.11 frames are objects always; from 3.12
    on a collection waits until the thread is between two instructions.
    """
    return _Uncollected() if sys.version_info[:2] == (3, 11) else nullcontext()


class _Uncollected(AbstractContextManager[None]):
    def __enter__(self) -> None:
        self._enabled = gc.isenabled()
        gc.disable()

    def __exit__(self, *_raised: object) -> None:
        if self._enabled:
            gc.enable()
