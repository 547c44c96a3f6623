"""What is measured is sent before SIGTERM ends the process, where nobody else has a say in that signal."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from groundhog_otel.mcp.flush import Flush
from groundhog_otel.mcp.guard import guarded_error

__all__ = ("Sigterm",)


class Sigterm:
    """A handler in place of the default action, with the same exit status.

    A handler that the program has set, or sets later, is the only one that counts.
    """

    def __init__(self, flush: Flush) -> None:
        self._flush = flush

    def install(self) -> None:
        """Put the handler in place, in the main thread and where the default action would kill the process."""
        if (
            os.name == "posix"
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        ):
            signal.signal(signal.SIGTERM, self._handle)

    def remove(self) -> None:
        """Put the default action back, if nobody has set something else meanwhile."""
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == self._handle:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one kills at once
        try:
            self._flush.flush_at_signal()
        except Exception:
            guarded_error("SIGTERM")
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
