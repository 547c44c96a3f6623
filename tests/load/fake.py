"""Servers whose latency is known, and a clock that passes as fast as a test can compute."""

from __future__ import annotations

import asyncio
import os
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from groundhog_otel.load.engine.clock import Clock
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.session import Answer, ServerFacts, Session, ToolFacts

T = TypeVar("T")

FACTS = ServerFacts("fake", "1", "2025-11-25", "http")


class _Skip(selectors.DefaultSelector):
    """Does not wait: it lets the loop's time pass instead."""

    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if not found and timeout:
            self.skipped_s += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which only waiting takes time."""

    def __init__(self) -> None:
        self._skip = _Skip()
        super().__init__(self._skip)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._skip.skipped_s

    def block(self, seconds: float) -> None:
        """Let time pass in which nothing else is done."""
        self._skip.skipped_s += seconds


class VirtualClock(Clock):
    """The time of such a loop. Starts in 1970."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoch_offset_ns = 0
        self._alarm = None

    def now_ns(self) -> int:
        return round(self._loop.time() * 1e9)


def virtually(work: Callable[[VirtualClock], Coroutine[Any, Any, T]]) -> T:
    """Run something in virtual time, and return what it returns."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(work(VirtualClock(loop)))
    finally:
        loop.close()


@dataclass(slots=True)
class Call:
    """A request that a fake server has got."""

    at_s: float
    number: int
    method: str
    target: str | None
    arguments: Mapping[str, Any]
    meta: Mapping[str, str]
    session: int
    lose: Callable[[str], None]
    """Has the session end."""


Behaviour = Callable[[Call], Coroutine[Any, Any, Answer]]


async def at_once(_call: Call) -> Answer:
    return Answer({})


def after(seconds: float, answer: Answer | None = None) -> Behaviour:
    async def behave(_call: Call) -> Answer:
        await asyncio.sleep(seconds)
        return answer or Answer({})

    return behave


async def ten_ms(_call: Call) -> Answer:
    await asyncio.sleep(0.01)
    return Answer({})


async def marking(call: Call) -> Answer:
    """Answers after 10 ms, and makes a file once it has done so twenty times."""
    if call.number == 20:
        Path(os.environ["GROUNDHOG_TEST_MARK"]).touch()  # noqa: ASYNC240
    return await ten_ms(call)


async def dying(call: Call) -> Answer:
    """Answers twenty times after 10 ms, then loses every session."""
    if call.number >= 20:
        call.lose("the server has ended with exit code 9")
        return Answer(None, "transport", "ConnectionClosed", "the connection was closed")
    return await ten_ms(call)


def once_and_never_again(number: int) -> str | None:
    """Lets in the session that looks at the server, and the first that asks it something."""
    return nobody(number) if number >= 2 else None


def anybody(_number: int) -> str | None:
    return None


def nobody(_number: int) -> str | None:
    return "Nothing listens there: start the server"


@dataclass
class FakeTarget:
    """A server in this process, of a behaviour that tests choose."""

    behave: Behaviour = at_once
    tools: tuple[ToolFacts, ...] = (ToolFacts("add", {"type": "object"}, read_only=True),)
    name: str = "fake"
    refuse: Callable[[int], str | None] = anybody
    """Why a session, by its number from 0, cannot be opened."""
    calls: list[Call] = field(default_factory=list)
    sessions: list[FakeSession] = field(default_factory=list)
    open_now: int = 0
    keep_calls: bool = True
    open_s: float = 0.001
    calls_count: int = 0
    asked: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        number = self.asked
        self.asked += 1
        await asyncio.sleep(self.open_s)
        if (why := self.refuse(number)) is not None:
            raise LoadError(why)
        session = FakeSession(self, len(self.sessions))
        self.sessions.append(session)
        self.open_now += 1
        try:
            yield session
        finally:
            self.open_now -= 1

    def server_pids(self) -> tuple[int, ...]:
        return ()


class FakeSession:
    def __init__(self, target: FakeTarget, number: int) -> None:
        self._target, self.number = target, number
        self.ended: str | None = None
        self.notifications = 0

    @property
    def server(self) -> ServerFacts:
        return FACTS

    async def request(
        self,
        method: str,
        target: str | None,
        arguments: Mapping[str, Any],
        *,
        meta: Mapping[str, str],
        timeout_s: float,
    ) -> Answer:
        owner = self._target
        now_s = asyncio.get_running_loop().time()
        call = Call(now_s, owner.calls_count, method, target, arguments, meta, self.number, self._lose)
        owner.calls_count += 1
        if owner.keep_calls:
            owner.calls.append(call)
        if self.ended is not None:
            return Answer(None, "transport", "closed", self.ended)
        try:
            return await asyncio.wait_for(owner.behave(call), timeout_s)
        except asyncio.TimeoutError:
            return Answer(None, "timeout", None, f"no answer within {timeout_s:g} s")

    def _lose(self, why: str) -> None:
        self.ended = why

    async def tools(self) -> tuple[ToolFacts, ...]:
        return self._target.tools
