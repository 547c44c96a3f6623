"""The one thread that notices when a heartbeat is overdue, and looks at what keeps the loop from it."""

from __future__ import annotations

from threading import Event, Lock, Thread
from time import perf_counter

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.runtime.frames import callback_frames, culprit, location
from groundhog_otel.runtime.loops import Heart, Hearts
from groundhog_otel.runtime.uncollected import uncollected

__all__ = ("Watchdog",)


class Watchdog:
    """Sleeps until a heartbeat could be overdue, and for as long as none is expected."""

    def __init__(self, hearts: Hearts) -> None:
        self._hearts = hearts
        self._threshold_s = hearts.threshold_s
        hearts.on_start = self.wake
        self.reset()

    def reset(self) -> None:
        """Start from nothing, as a child must after a fork: its parent's threads, loops and locks are not its own."""
        self._hearts.beating.clear()
        self._thread: Thread | None = None
        self._starting = Lock()
        self._wanted = Event()
        self._stopped = Event()

    def wake(self) -> None:
        """See to it that the thread runs: a heart has begun to beat. Call it in any thread."""
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = Thread(target=self._run, name="groundhog-watchdog", daemon=True)
                    self._thread.start()
        if not self._wanted.is_set():
            self._wanted.set()

    def stop(self) -> None:
        """End the thread, for good."""
        self._stopped.set()
        self._wanted.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                pause_s = self._look()
            except Exception:
                guarded_error("watchdog")
                pause_s = self._threshold_s
            if pause_s is not None:
                self._stopped.wait(pause_s)
            elif self._wanted.wait():
                self._wanted.clear()

    def _look(self) -> float | None:
        """Look at all hearts once; return the seconds until the next look, None when nothing beats."""
        pauses = []
        for heart in tuple(self._hearts.beating.values()):
            if heart.loop.is_closed() or not heart.loop.is_running():
                self._hearts.forget(heart)  # it is not late, it has been stopped
                continue
            since = heart.stuck_since()
            left_s = since + self._threshold_s - perf_counter()
            if left_s <= 0:
                self._examine(heart, since)
                left_s = self._threshold_s / 4
            pauses.append(left_s)
        return min(pauses, default=None)

    @staticmethod
    def _examine(heart: Heart, since: float) -> None:
        with uncollected():
            frames = callback_frames(heart.thread, heart.depth)
            if not frames:  # the loop waits like any other: the machine is late, not a callback
                return
            found = culprit(frames, heart.loop, frozenset(heart.operations))
            place = location(frames)
            del frames
        heart.notice(since, found, place)
