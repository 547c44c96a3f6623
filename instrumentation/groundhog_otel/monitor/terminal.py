"""A terminal that is drawn on again and again: its size, its keys, and everything put back in the end."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from groundhog_otel.monitor.frame import ORDERS, Order, Screen, draw
from groundhog_otel.monitor.metrics import CollectedMetrics
from groundhog_otel.monitor.sources import Source
from groundhog_otel.store import StoreError

__all__ = ("show",)

_ENTER: Final = "\x1b[?1049h\x1b[?25l"
"""The other screen, without a cursor."""
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"
_QUIT, _SORT, _AGAIN, _RESUMED, _TERMINATED = b"q", b"s", b"\x01", b"\x02", b"\x03"
_SIGTERM_CODE: Final = 128 + signal.SIGTERM


class _Watcher:
    """Looks at a source at intervals, in a thread: a process that answers late must not hold up the keys."""

    def __init__(self, source: Source, interval_s: float, wake: Callable[[], None]) -> None:
        self._source = source
        self._interval_s = interval_s
        self._wake = wake
        self._over = threading.Event()
        self.latest: tuple[CollectedMetrics, ...] = ()
        self.problem: str | None = None
        self._thread = threading.Thread(target=self._run, name="groundhog-top", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self.latest, self.problem = self._source.look(), None
            except StoreError as error:
                self.problem = str(error)
            except Exception as error:
                self.problem = f"{self._source.name} cannot be read ({type(error).__name__}: {error})"
            if not self._over.is_set():
                self._wake()
            self._over.wait(self._interval_s)


def show(source: Source, *, interval_s: float, colour: bool, order: Order = "budget") -> int:
    """Draw a source on this terminal until ``q``, Ctrl-C or SIGTERM; return the exit code."""
    with _waking() as (ears, wake), _drawing():
        watcher = _Watcher(source, interval_s, lambda: wake(_AGAIN))
        try:
            while True:
                for key in ears():
                    if key == _QUIT:
                        return 0
                    if key == _TERMINATED:
                        return _SIGTERM_CODE
                    if key == _SORT:
                        order = ORDERS[(ORDERS.index(order) + 1) % len(ORDERS)]
                    if key == _RESUMED:
                        _write(_ENTER)
                if watcher.latest or watcher.problem:
                    _frame(watcher, order, colour=colour)
        except KeyboardInterrupt:
            return 0
        finally:
            watcher.stop()


def _frame(watcher: _Watcher, order: Order, *, colour: bool) -> None:
    width, height = shutil.get_terminal_size()
    screen = Screen(width=width, height=height, colour=colour, order=order, keys=True)
    lines = draw(watcher.latest, screen, problem=watcher.problem)
    # Each line is wiped to its end, and what is below the last: without a blank screen in between nothing flickers.
    _write("\x1b[H" + "\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J")


def _write(text: str) -> None:
    with suppress(BlockingIOError):
        sys.stdout.write(text)
        sys.stdout.flush()


@contextmanager
def _drawing() -> Iterator[None]:
    """Have the terminal to ourselves, with each key as it is pressed."""
    keyboard = sys.stdin.fileno() if sys.stdin.isatty() else None
    before = None if keyboard is None else termios.tcgetattr(keyboard)
    _write(_ENTER)
    try:
        if keyboard is not None:
            tty.setcbreak(keyboard)
        yield
    finally:
        if keyboard is not None and before is not None:
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
        _write(_LEAVE)


@contextmanager
def _waking() -> Iterator[tuple[Callable[[], list[bytes]], Callable[[bytes], None]]]:
    """Yield what waits for keys, new figures and signals and returns them, and what wakes it."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def wake(why: bytes) -> None:
        with suppress(OSError):  # full: it is awake; closed: it is over
            os.write(writing, why)

    def wait() -> list[bytes]:
        sources = [reading, *([sys.stdin.fileno()] if sys.stdin.isatty() else [])]
        ready, _, _ = select.select(sources, [], [])
        said = b"".join(os.read(one, 1024) for one in ready)
        return [bytes((letter,)) for letter in said]

    heard = {signal.SIGWINCH: _AGAIN, signal.SIGCONT: _RESUMED, signal.SIGTERM: _TERMINATED, signal.SIGHUP: _QUIT}
    before = {number: signal.signal(number, lambda *_, why=why: wake(why)) for number, why in heard.items()}
    try:
        yield wait, wake
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writing)
        os.close(reading)
