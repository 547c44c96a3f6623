"""A process that starts and stops profiles of itself when it gets a signal.

Python runs a signal's handler between two steps of the main thread, wherever that is: even while it holds a lock. So
the handler only starts a thread, by the one call that takes no lock of Python's. Nothing waits and nothing runs here
as long as nobody asks.
"""

from __future__ import annotations

import _thread
import atexit
import functools
import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

import psutil

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.inflight import ON_BEGIN
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.live import control
from groundhog_otel.profiling.live.request import Request
from groundhog_otel.profiling.live.searching import SEARCHES, Search, search
from groundhog_otel.profiling.live.signals import catches
from groundhog_otel.profiling.live.taking import Taking, own_run, own_service, preload, take
from groundhog_otel.settings import ProfilingSettings

__all__ = ("Listener", "obey")


logger = logging.getLogger("groundhog_otel.profiling")


class Listener:
    """The profiles of this process: those that it begins with, and those that it is asked for."""

    def __init__(self, settings: ProfilingSettings) -> None:
        self._settings = settings
        self._number = int(getattr(signal, settings.signal, 0))
        self._pid = os.getpid()
        self._asked: Taking | None = None
        self._begun: list[Taking] = []
        self._searches: list[Search] = []
        self._lock = threading.Lock()
        self._original: Callable[..., Any] | None = None

    def begin(self) -> None:
        """Begin the profiles that the settings have from the start, and listen if they say so.

        Raises:
            ProfileError: something of it cannot be done. The rest is.
        """
        self._register()
        problems = []
        if "memory" in self._settings.modes:
            preload(self._settings.engine)
        if self._settings.modes & {"memory", *SEARCHES}:
            ON_BEGIN.append(self._first)
        if "leaks" in self._settings.modes:
            from groundhog_otel.profiling.memory.leaks import watch  # noqa: F401, PLC0415 - nobody waits by now
        for mode in ("cpu", "light"):
            if mode in self._settings.modes:
                try:
                    self._begun.append(take(Request.of(self._settings, mode)))
                except ProfileError as error:
                    problems.append(str(error))
        if "on-signal" in self._settings.modes:
            try:
                self._listen()
            except ProfileError as error:
                problems.append(str(error))
        if problems:
            raise ProfileError("; ".join(problems))

    def _first(self, _operation: Operation) -> None:
        """Begin what is about memory: what imports have allocated is no call's, and more than all calls'."""
        try:
            if self._first not in ON_BEGIN:
                return
            ON_BEGIN.remove(self._first)
            if os.getpid() != self._pid:
                return
            if "memory" in self._settings.modes:
                self._begun.append(take(Request.of(self._settings, "memory")))
            for kind in ("leaks", "heap"):
                if kind in self._settings.modes:
                    self._searches.append(search(kind, self._settings, own_run(), own_service()))
        except ProfileError as error:
            logger.warning("Profiling: %s", error)
        except Exception:
            guarded_error("profile")

    def _register(self) -> None:
        atexit.register(self._exit)
        _LISTENERS.append(self)

    def _exit(self) -> None:
        # A signal that comes now must not kill a process which is ending by itself.
        self.close(signal.SIG_IGN)

    def close(self, action: signal.Handlers = signal.SIG_DFL) -> None:
        """End every profile, and the listening; then the signal has an ``action`` again."""
        atexit.unregister(self._exit)
        if self in _LISTENERS:
            _LISTENERS.remove(self)
        if os.getpid() != self._pid:
            return
        if self._first in ON_BEGIN:
            ON_BEGIN.remove(self._first)
        self._deaf(action)
        for taking in (*self._begun, self._asked):
            if taking is not None:
                taking.stop("exit")
        for end in self._searches:
            try:
                end()
            except Exception:
                guarded_error("profile")
        self._searches = []

    def _listen(self) -> None:
        name = self._settings.signal
        if not self._number:
            raise ProfileError(f"this system has no {name}: profiles begin with the process, or not at all")
        if threading.current_thread() is not threading.main_thread():
            raise ProfileError("only the main thread can have a signal heard: instrument there")
        # What faulthandler.register and C libraries set is not known to Python, but to the system.
        if signal.getsignal(self._number) is not signal.SIG_DFL or catches(self._pid, self._number):
            other = "SIGUSR1" if name == "SIGUSR2" else "SIGUSR2"
            raise ProfileError(
                f"{name} is in use by this program, and is left to it: set OTEL_PYTHON_GROUNDHOG_PROFILE_SIGNAL={other}"
            )
        signal.signal(self._number, self._heard)
        self._watch_handlers()
        self._announce()

    def _deaf(self, action: signal.Handlers) -> None:
        if self._original is None:
            return
        self._withdraw()
        original, self._original = self._original, None
        if signal.signal is self._watching:
            signal.signal = original
        if threading.current_thread() is threading.main_thread() and signal.getsignal(self._number) == self._heard:
            original(self._number, action)

    def _watch_handlers(self) -> None:
        """Take note when the program sets a handler of its own, from when on nobody may send this signal for us."""
        original = self._original = signal.signal

        @functools.wraps(original)
        def watching(signalnum: Any, handler: Any) -> Any:
            before = original(signalnum, handler)
            if signalnum == self._number and self._original is not None:
                try:
                    self._announce() if handler == self._heard else self._withdraw()
                except Exception:
                    guarded_error("profile signal")
            return before

        self._watching = watching
        signal.signal = watching

    def _announce(self) -> None:
        try:
            control.Listening.of(self._pid, signal=self._number).announce()
        except (OSError, psutil.Error) as error:
            raise ProfileError(f"this process cannot say that it listens ({error})") from None

    def _withdraw(self) -> None:
        control.withdraw(self._pid)
        with suppress(OSError, ProfileError):
            for left in control.answers_of(control.open_control(), self._pid):
                left.unlink(missing_ok=True)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        try:
            _thread.start_new_thread(self.obey, ())
        except Exception:
            guarded_error("profile signal")

    def obey(self) -> None:
        """Do what is asked: by a request, or by the signal alone, which starts a profile or stops the one there is."""
        try:
            with self._lock:
                folder = control.open_control()
                said = control.taken(control.request_file(folder, self._pid))
                if said is None:
                    self._toggle()
                else:
                    self._answer(folder, said)
        except Exception:
            guarded_error("profile signal")

    def _toggle(self) -> None:
        going = [one for one in (self._asked, *self._begun) if one is not None and one.why is None]
        if self._asked in going:
            going = [one for one in going if one is self._asked]
        for one in going:
            one.stop()
        if not going:
            mode = "memory" if "memory" in self._settings.modes else "cpu"
            self._asked = take(Request.of(self._settings, mode, signalled=True))

    def _answer(self, folder: Path, said: dict[str, Any]) -> None:
        answer = control.answer_file(folder, self._pid, str(said["id"]))
        if "stop" in said:
            if self._asked is not None and self._asked.profile_id == said["stop"]:
                self._asked.stop()
            return
        try:
            if self._asked is not None and self._asked.why is None:
                raise ProfileError("it is being profiled already: wait, or end that with Ctrl-C where it was asked for")
            taking = take(Request.loads(said["request"]))
        except (ProfileError, TypeError) as error:
            control.put(answer, {"error": str(error)})
            return
        self._asked = taking
        told = {"file": str(taking.file), "profile_id": taking.profile_id, "over": None}
        control.put(answer, told)

        def over(why: str) -> None:
            with suppress(OSError):
                control.put(answer, {**told, "over": why})

        taking.on_over = over
        if taking.why is not None:  # that soon
            over(taking.why)

    def forked(self) -> None:
        """Be the listener of a child: the profiles are its parent's, the handler it has inherited."""
        self._begun, self._searches, self._asked = [], [], None
        self._lock = threading.Lock()
        self._pid = os.getpid()
        if self._original is not None and signal.getsignal(self._number) == self._heard:
            with suppress(ProfileError):
                self._announce()


_LISTENERS: Final[list[Listener]] = []


def obey() -> None:
    """Do what is asked of this process, whether it has listened before or not: for ``sys.remote_exec``."""
    if not _LISTENERS:
        Listener(ProfilingSettings())._register()
    _thread.start_new_thread(_LISTENERS[0].obey, ())


def _forked() -> None:
    for listener in _LISTENERS:
        listener.forked()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forked)
