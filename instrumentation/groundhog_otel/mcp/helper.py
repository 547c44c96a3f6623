"""A piece of work in a thread of its own, with a limit on how long one waits for it."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable

__all__ = ("Helper",)


class Helper:
    """A daemon thread that does one thing, at once or when told.

    Made of the lowest-level parts: a signal handler, which may have interrupted ``threading`` itself, can start one.
    """

    def __init__(self, work: Callable[[], object], when: threading.Event | None = None) -> None:
        self._work = work
        self._when = when
        self._done = _thread.allocate_lock()
        self._done.acquire()
        self.started = True
        """False when the interpreter is ending already and starts no thread any more: then nothing is done."""
        try:
            _thread.start_new_thread(self._run, ())
        except RuntimeError:
            self.started = False
            self._done.release()

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the work; tell whether it has come."""
        done = self._done.acquire(timeout=max(0.0, seconds))
        if done:
            self._done.release()
        return done

    def _run(self) -> None:
        try:
            if self._when is not None:
                self._when.wait()
            self._work()
        except Exception:  # noqa: S110 - the exporters and the SDK have said it, and nobody is left to act on it
            pass
        finally:
            self._done.release()
