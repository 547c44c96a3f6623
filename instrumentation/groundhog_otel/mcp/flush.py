"""Getting telemetry out before the process ends, and letting it end in time.

An MCP client closes its server's input, waits 2 s, sends SIGTERM, waits 2 s and sends SIGKILL. The SDK's own shutdown
takes up to 10 s per signal when no Collector answers, one signal after the other: a client would kill the process. So
what is waited for at the end of a transport and at exit shares one limit, and leaves Python time to end.

At exit the SDK's ``shutdown()`` is run as it is, but all providers' at the same time and in threads that can be left
behind. Those threads have to exist by then: Python 3.12 and later start none in ``atexit``. A provider without one is
left to shut itself down there. Nothing runs, and nothing is waited for, in a process that has had no MCP transport.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, ClassVar, Final

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.helper import Helper
from groundhog_otel.mcp.inflight import IN_FLIGHT
from groundhog_otel.mcp.providers import exit_handler, exporters

__all__ = ("Flush",)

_ABORT_S: Final = 0.2
"""What exporters get, on top of the limit, to come back from a call that has been called off."""
_ABANDON_S: Final = 0.1
_SIGNAL_S: Final = 1.5
"""After SIGTERM the client waits anew, and the process is killed without an end that takes time."""
_NEARBY_S: Final = 0.25
"""Enough for a Collector nearby, or a file. What takes longer goes on, and is waited for at exit."""


_THREADS_ONLY_BEFORE_END: Final = (3, 12) <= sys.version_info < (3, 12, 2)
"""In these the end of the program is too late for new threads (CPython issue 113964): they wait from the beginning."""


class Flush:
    """The last telemetry of this process.

    Args:
        providers: Returns the providers to flush, or with ``metrics=False`` those of spans and logs; asked each time,
            because a program may set them late.
        timeout_s: How long the end of the process may wait for them, in seconds. None leaves the exit to the SDK.
        given_up: Called when that was not long enough.
    """

    _current: ClassVar[Flush | None] = None
    _registered: ClassVar[bool] = False

    def __init__(
        self, providers: Callable[..., Sequence[Any]], timeout_s: float | None, given_up: Callable[[], None]
    ) -> None:
        self._providers = providers
        self._given_up = given_up
        self._bounds_exit = timeout_s is not None
        self._limit_s = _SIGNAL_S if timeout_s is None else timeout_s
        self._left_s = self._limit_s
        self._at_exit_set = False
        self._forked = False
        self._go = threading.Event()
        self._closing: list[tuple[Any, Helper]] = []
        self._register()

    def begin(self) -> None:
        """Take note that this process has an MCP transport: from here on its end is ours to bound."""
        self._left_s = self._limit_s
        Flush._current = self
        register = getattr(threading, "_register_atexit", None)
        if not Flush._registered and register is not None:
            Flush._registered = True
            # The only place from which threads can still be started once the program itself is done.
            register(_before_exit)
        self._register()
        if _THREADS_ONLY_BEFORE_END:
            self._prepare()

    def flush(self) -> None:
        """Send what there is, and wait for it within what is left of the limit: nothing may come after this."""
        self._wait([Helper(provider.force_flush) for provider in self._providers()])

    def flush_finished(self) -> None:
        """Send spans and logs, and wait for it but shortly. What is measured goes out at exit, which is near."""
        self._wait([Helper(provider.force_flush) for provider in self._providers(metrics=False)], _NEARBY_S)

    def flush_at_signal(self) -> None:
        """End the operations under way, and send what there is. The program is about to be killed, and stands still."""
        self._left_s = _SIGNAL_S
        self._wait([Helper(_cut_operations_short)], _ABANDON_S)
        closing = [helper for _, helper in self._closing] if self._go.is_set() else []
        self._wait([*closing, *(Helper(provider.force_flush) for provider in self._providers())])

    def close(self) -> None:
        """Leave the end of the process to others."""
        atexit.unregister(self._at_exit)
        self._at_exit_set = False
        if Flush._current is self:
            Flush._current = None
        self._closing = []
        self._go.set()

    def forked(self) -> None:
        """Start afresh in a forked child: helpers are not inherited, and the parent's limit is the parent's."""
        self._left_s = self._limit_s
        self._forked = True
        self._go = threading.Event()
        self._closing = []

    def before_exit(self) -> None:
        """Make the threads that will be needed, before the program's last threads are waited for."""
        if self._forked:
            self.flush()  # multiprocessing ends a forked child without atexit
        self._prepare()

    def _prepare(self) -> None:
        """Have a thread wait for each provider that would shut itself down at exit."""
        for provider in self._providers() if self._at_exit_set else ():
            if exit_handler(provider) is not None and all(known is not provider for known, _ in self._closing):
                helper = Helper(partial(self._shut_down, provider), self._go)
                if helper.started:
                    self._closing.append((provider, helper))

    def _shut_down(self, provider: Any) -> None:
        if any(one is provider for one, _ in self._closing):  # not when all was called off meanwhile
            provider.shutdown()

    def _register(self) -> None:
        """Register right after the providers: it then runs before theirs, and after what the program registers."""
        if self._bounds_exit and not self._at_exit_set and any(map(exit_handler, self._providers())):
            self._at_exit_set = True
            atexit.register(self._at_exit)

    def _at_exit(self) -> None:
        try:
            for provider, _ in self._closing:
                atexit.unregister(exit_handler(provider))
            self._go.set()
            if not self._wait(helper for _, helper in self._closing):
                self._given_up()
                self._call_off()
        except Exception:
            guarded_error("exit")

    def _call_off(self) -> None:
        """End the exporters' calls: left alone, they would be cut off in the midst of native code."""
        for provider, helper in self._closing:
            if not helper.wait(0):
                for exporter in exporters(provider):
                    with suppress(Exception):
                        exporter.shutdown()
        self._left_s = _ABORT_S
        self._wait(helper for _, helper in self._closing)

    def _wait(self, helpers: Iterable[Helper], at_most_s: float | None = None) -> bool:
        """Wait for all of them together, and take the time off what is left."""
        until = monotonic() + (self._left_s if at_most_s is None else min(at_most_s, self._left_s))
        before = monotonic()
        done = [helper.wait(until - monotonic()) for helper in helpers]
        self._left_s = max(0.0, self._left_s - (monotonic() - before))
        return all(done)


def _cut_operations_short() -> None:
    for operation in tuple(IN_FLIGHT):
        operation.cut_short()


def _before_exit() -> None:
    if Flush._current is not None:
        try:
            Flush._current.before_exit()
        except Exception:
            guarded_error("exit")


def _after_fork() -> None:
    if Flush._current is not None:
        Flush._current.forked()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
