"""One profile in the making: from its start to its stop, or to the end of what it was asked for."""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable
from threading import Event, Lock
from types import TracebackType
from typing import Final
from weakref import WeakSet

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.profiling.cpu.blocking import Blocking, LoopTurns
from groundhog_otel.profiling.cpu.following import Following
from groundhog_otel.profiling.cpu.looks import Looks
from groundhog_otel.profiling.cpu.sampler import Sampler, SwitchInterval
from groundhog_otel.profiling.cpu.tally import VALUE_TYPES, Tally
from groundhog_otel.profiling.cpu.targets import Targets
from groundhog_otel.profiling.model import Profile, Sample, new_profile_id
from groundhog_otel.runtime.uncollected import uncollected

__all__ = ("ENGINE", "ProfileSession")

ENGINE: Final = "groundhog"
_BLOCKINGS_TOLD: Final = 10


class ProfileSession:
    """A running CPU profile. Made by :meth:`CpuProfiler.start_profiling`; a context manager that stops at its end.

    ``sink`` gets each sample about a second after it was taken, in the sampler's thread; without one they are in the
    profile that :meth:`stop` returns, and with one as well, as far as ``most_samples`` go. After a fork the session
    goes on in the parent; the child's copy of it is over.
    """

    def __init__(
        self,
        *,
        interval_s: float,
        targets: Targets,
        outside: bool,
        sink: Callable[[Sample], None] | None,
        duration_s: float | None,
        switch_interval_s: float | None,
        blocking_s: float,
        most_samples: int,
        most_suspended: int,
        most_share: float,
        service: str,
        profile_id: str | None,
    ) -> None:
        self.profile_id = profile_id or new_profile_id()
        self.over = Event()
        """Set once nothing is looked at any more: after a stop, or when all that was asked for is done."""
        self.start_ns = time.time_ns()
        self._service = service
        self._pid = os.getpid()
        self._deadline_s = None if duration_s is None else time.monotonic() + duration_s
        self._begun_s, self._process_s = time.perf_counter(), time.process_time()
        self._outside = outside
        self._sink = sink
        self._lock = Lock()
        self._profile: Profile | None = None
        self._left_behind = False
        self._all = Tally(most_samples)
        self._fresh = Tally(most_samples)
        hold = (lambda: Tally(most_samples)) if targets.over_s is not None else None
        self._following = Following(targets, self.profile_id, hold)
        self._turns = LoopTurns(int(blocking_s * 1e9))
        self._looks = Looks(self._following, self._fresh, self._turns, outside=outside, most_suspended=most_suspended)
        self._sampler = Sampler(
            interval_s,
            SwitchInterval(switch_interval_s),
            busy=self._busy,
            resume=self._looks.resume,
            look=self._look,
            tidy=self._tidy,
            deadline_s=self._deadline_s,
            most_share=most_share,
        )

    def start(self) -> None:
        """Begin. Raises ``RuntimeError`` where the system gives no more threads."""
        self._following.rests, self._following.wake = self._sampler.rests, self._sampler.wake
        self._sampler.start()
        self._following.start()
        self._sampler.wake()
        _RUNNING.add(self)
        atexit.register(self.stop)

    def stop(self) -> Profile:
        """End the profile and return it; again and again the same."""
        with self._lock:
            if self._profile is not None:
                return self._profile
        self._following.stop()
        if not self._left_behind:
            self._sampler.stop()
            self._settle(at_end=True)
            self._flush()
        self.over.set()
        _RUNNING.discard(self)
        atexit.unregister(self.stop)
        with self._lock:
            self._profile = self._profile or self._made()
            return self._profile

    def samples(self) -> tuple[Sample, ...]:
        """Return what has been seen so far, without stopping."""
        with self._lock:
            if self._profile is not None:
                return self._profile.samples
            both = Tally(self._all.limit)
            both.take_in(self._all)
            both.take_in(self._fresh)
        return tuple(both.samples())

    def blocking(self) -> tuple[Blocking, ...]:
        """Return each ``async def`` that has blocked its event loop for ``blocking_s`` or more, the longest first."""
        with self._lock:
            return self._turns.found()

    def cost(self) -> str:
        """Return in a sentence what the profiler itself has cost so far.

        That is its own thread. What the program loses by being interrupted is measured in ``bench/profile``.
        """
        wall_s = max(1e-9, time.perf_counter() - self._begun_s)
        own_s = self._sampler.cpu_ns / 1e9
        looks = self._looks.taken
        each_us = own_s / looks * 1e6 if looks else 0.0
        return (
            f"{looks} looks in {wall_s:.1f} s took {own_s:.3f} s of CPU time, {own_s / wall_s:.2%} of one CPU "
            f"({each_us:.0f} µs each)."
        )

    def __enter__(self) -> ProfileSession:  # noqa: PYI034 - Self is not in Python 3.10
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()

    def _busy(self) -> bool:
        if self._deadline_s is not None and time.monotonic() >= self._deadline_s:
            return False
        return self._outside or bool(self._following.under_way)

    def _look(self, free: bool) -> None:
        with self._lock, uncollected():
            self._looks.take(free=free)

    def _tidy(self) -> bool:
        """Pass on what has been seen; tell whether that was all."""
        with self._lock:
            self._following.lost()
            self._settle()
        self._flush()
        late = self._deadline_s is not None and time.monotonic() >= self._deadline_s
        if late or self._following.exhausted:
            self._following.stop()
            self.over.set()
            return True
        return False

    def _settle(self, *, at_end: bool = False) -> None:
        """Keep or forget what was held of operations that have ended, and of those that have lasted long enough."""
        ended = self._following.ended
        while ended:
            one = ended.popleft()
            if one.keep and one.tally is not None:
                self._fresh.take_in(one.tally)
        if at_end:
            now_ns = time.perf_counter_ns()
            for one in list(self._following.seen.values()):
                lasted_s = (now_ns - one.begun_ns) / 1e9
                if one.tally is not None and self._following.targets.keep(one.operation, lasted_s):
                    self._fresh.take_in(one.tally)

    def _flush(self) -> None:
        with self._lock:
            fresh = tuple(self._fresh.samples())
            self._all.take_in(self._fresh)
            self._fresh.clear()
        sink = self._sink
        if sink is None:
            return
        try:
            for sample in fresh:
                sink(sample)
        except Exception:
            self._sink = None  # a disk that is full stays full
            guarded_error("sink of the cpu profiler")

    def _made(self) -> Profile:
        return Profile(
            profile_id=self.profile_id,
            kind="cpu",
            start_ns=self.start_ns,
            end_ns=time.time_ns(),
            value_types=VALUE_TYPES,
            samples=() if self._left_behind else tuple(self._all.samples()),
            service=self._service,
            pid=self._pid,
            engine=ENGINE,
            interval_ns=int(self._sampler.interval_s * 1e9),
            complete=not self._left_behind,
            facts=self._facts(),
        )

    def _facts(self) -> dict[str, str | int | float]:
        looks, sampler = self._looks, self._sampler
        facts: dict[str, str | int | float] = {
            "looks": looks.taken,
            "looks lost because a thread ran on meanwhile": looks.moved,
            "looks that failed": sampler.failures,
            "longest time between looks, seconds": looks.longest_gap_ns / 1e9,
            "time in which there was something to look at, seconds": sampler.active_ns / 1e9,
            "CPU time of the program, seconds": looks.cpu_ns / 1e9,
            "CPU time of the program that no look has met, seconds": looks.unseen_ns() / 1e9,
            "CPU time of the profiler, seconds": sampler.cpu_ns / 1e9,
            "cost": self.cost(),
        }
        left_out_ns = self._all.left_out_ns
        if left_out_ns:
            facts["left out because the profile was full, seconds"] = left_out_ns / 1e9
        for number, block in enumerate(self._turns.found()[:_BLOCKINGS_TOLD], 1):
            facts[f"blocked the event loop, {number}"] = str(block)
        return facts

    def _leave(self) -> None:
        """Give up, in a child after a fork: the thread, the sink and the samples are the parent's."""
        self._left_behind = True
        self._lock = Lock()
        self.over = Event()
        self.over.set()
        self._following.stop()
        self._sampler.leave()
        atexit.unregister(self.stop)


_RUNNING: Final[WeakSet[ProfileSession]] = WeakSet()


def _leave_all() -> None:
    for session in list(_RUNNING):
        session._leave()
    _RUNNING.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_leave_all)
