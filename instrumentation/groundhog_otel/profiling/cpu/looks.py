"""One look at every thread, and at every operation that is suspended.

A look is right or it is not taken: threads run on as soon as this one loses the interpreter's lock. So each thread is
looked at twice. If the very same call of a function stands at the same instruction afterwards, then all that was read
in between belongs together; else the look counts for nothing, and the next one stands for its time as well.
"""

from __future__ import annotations

import asyncio
import sys
from threading import get_ident
from time import perf_counter_ns, process_time_ns, time_ns
from types import FrameType
from typing import Any, Final, NamedTuple

from groundhog_otel.profiling.cpu.belonging import current_task, owner
from groundhog_otel.profiling.cpu.blocking import LoopTurns
from groundhog_otel.profiling.cpu.following import Followed, Following
from groundhog_otel.profiling.cpu.stacks import Codes
from groundhog_otel.profiling.cpu.tally import Tally
from groundhog_otel.profiling.cpu.threads import Threads
from groundhog_otel.profiling.model import Frame, Stack, State
from groundhog_otel.runtime.uncollected import uncollected

__all__ = ("Looks",)

_RUNNING: Final = 0.1
"""The share of the time for which a thread has used the CPU, to be called running."""
_CARRIED: Final = 10
"""How many looks' worth of CPU time is carried over at most."""
_BUSY: Final = 0.9
"""The same of a thread that stands where threads wait: then it does not wait, whatever its line says."""


class _Thread(NamedTuple):
    """What one thread was seen to do. It names nobody's frame but the innermost, for the second look."""

    thread: int
    innermost: FrameType
    instruction: int
    stack: Stack
    waits: bool
    one: Followed | None
    loop: asyncio.AbstractEventLoop | None
    task: asyncio.Task[Any] | None
    place: Frame | None
    used_ns: int
    """CPU time, by the thread's own clock, up to just before the look."""


class _Suspended(NamedTuple):
    """Where the task of one operation was seen to be suspended."""

    one: Followed
    stack: Stack
    task: asyncio.Task[Any]
    waiter: Any
    instruction: int | None

    @property
    def state(self) -> State:
        """``waiting`` for its turn, where what it has awaited is there already."""
        return "waiting" if self.waiter is None or self.waiter.done() else "awaiting"

    def certain(self) -> bool:
        """Tell whether the task has not run since."""
        return (
            bool(self.stack)
            and getattr(self.task, "_fut_waiter", None) is self.waiter
            and asyncio.current_task(self.task.get_loop()) is not self.task
            and _instruction(self.task) == self.instruction
        )


class Looks:
    """Takes looks, and adds them up in ``tally``. Used by the sampler's thread only."""

    def __init__(
        self, following: Following, tally: Tally, turns: LoopTurns, *, outside: bool, most_suspended: int
    ) -> None:
        self.taken = 0
        self.moved = 0
        """Looks at a thread that ran on meanwhile."""
        self.longest_gap_ns = 0
        self.cpu_ns = 0
        """CPU time that the threads have used between looks."""
        self._following = following
        self._tally = tally
        self._turns = turns
        self._outside = outside
        self._most_suspended = most_suspended
        self._codes = Codes()
        self._threads = Threads()
        self._since_ns: dict[int, int] = {}
        self._unspent_ns: dict[int, int] = {}
        self._idle_ns: dict[int, int] = {}
        """What threads had used when they were last found at nobody's work: those that have not since, still are."""
        self._unseen_ns = 0
        self._last_ns = perf_counter_ns()
        self._process_ns = process_time_ns()

    def resume(self) -> None:
        """Begin to count after a pause: from now, or from when an operation began that is under way."""
        now_ns = perf_counter_ns()
        self._since_ns.clear()
        with uncollected():
            threads = tuple(sys._current_frames())
        for thread in threads:
            self._since_ns[thread] = now_ns
            self._threads.since_ns(thread, self._threads.used_ns(thread))
        if self._following.woken_by is not None:
            thread, begun_ns, cpu_ns = self._following.woken_by
            self._following.woken_by = None
            if self._last_ns < begun_ns < self._since_ns.get(thread, 0):
                self._since_ns[thread] = begun_ns
                self._threads.begin(thread, cpu_ns)
        self._last_ns = now_ns
        self._process_ns = process_time_ns()

    def unseen_ns(self) -> int:
        """Return the CPU time that threads have used and that no sample has got, in nanoseconds."""
        return self._unseen_ns + sum(self._unspent_ns.values())

    def take(self, *, free: bool) -> None:
        """Look at everything once; ``free`` is whether nobody had the interpreter's lock when the time had come."""
        now_ns, wall_clock_ns = perf_counter_ns(), time_ns()
        gap_ns, self._last_ns = now_ns - self._last_ns, now_ns
        self.taken += 1
        self.longest_gap_ns = max(self.longest_gap_ns, gap_ns)
        own = get_ident()
        frames = sys._current_frames()
        rows = [self._look_at(thread, frame, now_ns) for thread, frame in frames.items() if thread != own]
        seen = [row for row in rows if row is not None]
        del rows
        suspended = self._look_at_suspended({id(row.one) for row in seen if row.one is not None})
        again = sys._current_frames()
        settled = [
            row for row in seen if again.get(row.thread) is row.innermost and row.innermost.f_lasti == row.instruction
        ]
        alive = set(again)
        del frames, again
        self.moved += len(seen) - len(settled)
        del seen
        self._add_threads(settled, now_ns, wall_clock_ns, free=free)
        del settled
        for other in suspended:
            if other.certain():
                wall_ns, other.one.since_ns = max(0, now_ns - other.one.since_ns), now_ns
                self._add(
                    other.one, other.stack, other.state, thread="", wall_ns=wall_ns, cpu_ns=0, time_ns=wall_clock_ns
                )
        del suspended
        if len(alive) != len(self._since_ns) + 1:
            self._threads.forget(alive)
            for thread in self._since_ns.keys() - alive:
                del self._since_ns[thread]
                self._idle_ns.pop(thread, None)
                self._unseen_ns += self._unspent_ns.pop(thread, 0)
        self._turns.ask()

    def _look_at(self, thread: int, innermost: FrameType, now_ns: int) -> _Thread | None:
        """Return what a thread does; None where it has not stirred, and what it does not do is of no interest."""
        used_ns = self._threads.used_ns(thread)
        if used_ns and used_ns == self._idle_ns.get(thread) and not self._outside and not self._following.unmarked:
            self._since_ns[thread] = now_ns
            return None
        instruction = innermost.f_lasti
        walk = self._codes.walk(innermost)
        found = self._following.loops.get(thread)
        loop = None if found is None else found()
        task = current_task(self._following, thread)
        if task is not None:
            coroutine = getattr(task.get_coro(), "cr_frame", None)
            if coroutine is not None and coroutine not in walk.frames:
                instruction = -2  # the loop has taken up another task between: no instruction has this number
        one = owner(self._following, walk, task)
        place = None if task is None else walk.innermost_coroutine()
        self._idle_ns[thread] = used_ns if one is None and loop is None else 0
        return _Thread(thread, innermost, instruction, walk.stack, walk.waits, one, loop, task, place, used_ns)

    def _add_threads(self, rows: list[_Thread], now_ns: int, time_ns: int, *, free: bool) -> None:
        exact = self._threads.exact
        shared_ns = 0
        if not exact:  # the process has a clock everywhere: those that do not wait share what it has used
            process_ns = process_time_ns()
            busy = sum(not row.waits for row in rows)
            shared_ns, self._process_ns = (process_ns - self._process_ns) // max(1, busy), process_ns
        for row in rows:
            before_ns = self._since_ns.get(row.thread)
            wall_ns = max(0, now_ns - (self._last_before(now_ns) if before_ns is None else before_ns))
            self._since_ns[row.thread] = now_ns
            cpu_ns = self._threads.since_ns(row.thread, row.used_ns)
            if not exact:
                cpu_ns = 0 if row.waits else shared_ns
            running = self._runs(row, cpu_ns / max(1, wall_ns), free=free)
            cpu_ns = self._spend(row.thread, cpu_ns, wall_ns if running else 0)
            if row.loop is not None:
                link = None if row.one is None else row.one.link
                self._turns.saw(row.loop, row.task, row.place, link, wall_ns)
            if row.one is None and (not self._outside or (row.waits and not running)):
                continue
            state: State = "running" if running else "waiting"
            name = self._threads.name(row.thread)
            self._add(row.one, row.stack, state, thread=name, wall_ns=wall_ns, cpu_ns=cpu_ns, time_ns=time_ns)
            if row.one is not None:
                row.one.since_ns = now_ns

    def _runs(self, row: _Thread, share: float, *, free: bool) -> bool:
        """Tell whether a thread is using the CPU now, having used it for a share of the time since the last look."""
        if share >= _BUSY or share == 0:
            return share > 0
        if free and (row.one is not None or self._outside):  # to ask costs more than all the rest of a look
            # Nobody has the interpreter's lock, so nobody waits for it: whoever sleeps, sleeps of his own.
            return self._threads.on_cpu(row.thread)
        return share >= _RUNNING and not row.waits

    def _spend(self, thread: int, cpu_ns: int, most_ns: int) -> int:
        """Return the CPU time that a look at a running thread stands for: at most ``most_ns`` of what it has used.

        What a thread uses between two looks that find it waiting is kept for the next that finds it running. To give
        each look only what was used since the last would favour the long over the short: by the square of how long they
        take at a time.
        """
        self.cpu_ns += cpu_ns
        unspent_ns = self._unspent_ns.get(thread, 0) + cpu_ns
        spent_ns = min(unspent_ns, most_ns)
        unspent_ns -= spent_ns
        if most_ns and unspent_ns > most_ns * _CARRIED:  # nobody will ever meet what is always over so soon
            self._unseen_ns += unspent_ns - most_ns * _CARRIED
            unspent_ns = most_ns * _CARRIED
        self._unspent_ns[thread] = unspent_ns
        return spent_ns

    def _last_before(self, now_ns: int) -> int:
        """Return when the last look at any thread was: a new one has begun after it."""
        return max((one for one in self._since_ns.values() if one < now_ns), default=now_ns)

    def _look_at_suspended(self, running: set[int]) -> list[_Suspended]:
        found = []
        everyone = list(self._following.under_way.items())
        # With thousands under way they take turns: the time since its last look is what each look stands for.
        most = self._most_suspended
        first = self.taken * most % len(everyone) if len(everyone) > most else 0
        for operation, of in (everyone[first:] + everyone[:first])[:most]:
            task = of()
            one = None if task is None or task.done() else self._following.followed(operation)
            if task is None or one is None or id(one) in running:
                continue
            waiter = getattr(task, "_fut_waiter", None)
            instruction = _instruction(task)
            found.append(_Suspended(one, self._chain(task), task, waiter, instruction))
        return found

    def _chain(self, task: asyncio.Task[Any]) -> Stack:
        """Return where a task is suspended; and, where it awaits another task of its own, where that is."""
        stack: Stack = ()
        known: set[int] = set()
        current: Any = task
        while isinstance(current, asyncio.Task) and id(current) not in known and len(known) < 20:
            known.add(id(current))
            stack += self._codes.suspended(current.get_coro())
            current = getattr(current, "_fut_waiter", None)
        return stack

    def _add(
        self, one: Followed | None, stack: Stack, state: State, *, thread: str, wall_ns: int, cpu_ns: int, time_ns: int
    ) -> None:
        tally = self._tally
        link = None
        if one is not None:
            one.looks += 1
            link = one.link
            tally = one.tally or tally
        tally.add(stack, link, state, thread, wall_ns=wall_ns, cpu_ns=cpu_ns, time_ns=time_ns)


def _instruction(task: asyncio.Task[Any]) -> int | None:
    frame: Any = getattr(task.get_coro(), "cr_frame", None)
    return None if frame is None else frame.f_lasti
