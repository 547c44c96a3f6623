"""Which ``async def`` keeps its event loop from everything else, and in which line.

While a loop is seen to run a task it is asked, once at a time, to run a callback of ours in its next turn. As long as
it has not, it is held up; and by the task that was seen before and is seen still.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextvars import Context
from dataclasses import dataclass, replace
from typing import Any, Final
from weakref import ref

from groundhog_otel.profiling.model import Frame, Link

__all__ = ("Blocking", "LoopTurns")

_NOWHERE: Final = Context()
"""The callback must not keep alive what is in somebody's context."""
_MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Blocking:
    """One ``async def`` that has blocked its event loop."""

    coroutine: Frame
    """With the line that it was seen in most of the time."""
    method: str | None
    """Of the operation; None outside of any."""
    target: str | None
    times: int
    longest_ns: int
    total_ns: int

    def __str__(self) -> str:
        what = " ".join(one for one in (self.method, self.target) if one) or "no operation"
        return (
            f"{self.coroutine.function} ({self.coroutine.file}:{self.coroutine.line}), {what}: "
            f"{self.longest_ns / 1e9:.3f} s at most, {self.total_ns / 1e9:.3f} s in {self.times}"
        )


class _Loop:
    """One loop, as the last look has left it."""

    def __init__(self) -> None:
        self.turned = True
        self.task: Any = lambda: None
        self.held_ns = 0
        self.places: Counter[Frame] = Counter()
        self.links: Counter[Link | None] = Counter()

    def turn(self) -> None:
        self.turned = True


class LoopTurns:
    """Watches the turns of every loop; call it from the sampler's thread only."""

    def __init__(self, threshold_ns: int) -> None:
        self.threshold_ns = threshold_ns
        self._loops: dict[int, tuple[ref[asyncio.AbstractEventLoop], _Loop]] = {}
        self._to_ask: list[tuple[asyncio.AbstractEventLoop, _Loop]] = []
        self._found: dict[tuple[str, str, str | None, str | None], tuple[Blocking, Counter[Frame]]] = {}

    def saw(
        self,
        loop: asyncio.AbstractEventLoop,
        task: asyncio.Task[Any] | None,
        place: Frame | None,
        link: Link | None,
        elapsed_ns: int,
    ) -> None:
        """Take note of what a loop was seen to run, ``elapsed_ns`` after the last look."""
        known = self._loops.get(id(loop))
        if known is None or known[0]() is not loop:
            known = self._loops[id(loop)] = ref(loop), _Loop()
        state = known[1]
        same = not state.turned and task is not None and state.task() is task
        if not same:
            self._settle(state)
        if task is None or place is None:
            return
        if same:
            state.held_ns += elapsed_ns
            state.places[place] += elapsed_ns
            state.links[link] += elapsed_ns  # its last moments may be those after the operation's end
        state.task = ref(task)
        if state.turned:
            self._to_ask.append((loop, state))

    def ask(self) -> None:
        """Ask the loops that were seen for a turn. That gives the interpreter's lock away: do it when all is seen."""
        for loop, state in self._to_ask:
            state.turned = False
            try:
                loop.call_soon_threadsafe(state.turn, context=_NOWHERE)
            except RuntimeError:  # it has just been closed
                state.turned = True
        self._to_ask.clear()

    def found(self) -> tuple[Blocking, ...]:
        """Return what has been found so far, the longest first."""
        for _, state in tuple(self._loops.values()):
            self._settle(state)
        blocks = [replace(one, coroutine=lines.most_common(1)[0][0]) for one, lines in tuple(self._found.values())]
        return tuple(sorted(blocks, key=lambda one: -one.longest_ns))

    def _settle(self, state: _Loop) -> None:
        held_ns, places, links = state.held_ns, state.places, state.links
        state.held_ns, state.places, state.links = 0, Counter(), Counter()
        if held_ns < self.threshold_ns or not places:
            return
        place, link = places.most_common(1)[0][0], links.most_common(1)[0][0]
        method, target = (None, None) if link is None else (link.method, link.target)
        key = place.function, place.file, method, target
        if key not in self._found and len(self._found) >= _MOST:
            return
        before, lines = self._found.get(key, (Blocking(place, method, target, 0, 0, 0), Counter()))
        lines.update(places)
        times, longest_ns = before.times + 1, max(before.longest_ns, held_ns)
        total_ns = before.total_ns + held_ns
        self._found[key] = replace(before, times=times, longest_ns=longest_ns, total_ns=total_ns), lines
