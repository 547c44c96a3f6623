from __future__ import annotations

import asyncio
import selectors
import time

import pytest

from groundhog_otel.load.engine.clock import Clock


def test_waits_end_in_the_order_of_their_times_and_never_early() -> None:
    async def work() -> None:
        clock = Clock()
        try:
            begin = clock.now_ns()
            ended: list[tuple[int, int]] = []

            async def wait(ms: int) -> None:
                await clock.until(begin + ms * 1_000_000)
                ended.append((ms, clock.now_ns() - begin))

            await asyncio.gather(*(wait(ms) for ms in (30, 10, 20, 10, 0, -5, 40)))
            assert [ms for ms, _ in ended[2:]] == [10, 10, 20, 30, 40]
            assert all(at_ns >= ms * 1_000_000 for ms, at_ns in ended)
        finally:
            clock.close()

    asyncio.run(work())


def test_waits_end_within_a_fraction_of_what_the_loops_own_timers_take() -> None:
    """The median of 200 waits of 1.3 ms, against a timer that counts in milliseconds."""

    async def work() -> tuple[float, float]:
        clock = Clock()
        try:
            late: list[int] = []
            plain: list[int] = []
            for _ in range(200):
                at_ns = clock.now_ns() + 1_300_000
                await clock.until(at_ns)
                late.append(clock.now_ns() - at_ns)
                at_ns = clock.now_ns() + 1_300_000
                await asyncio.sleep(0.0013)
                plain.append(clock.now_ns() - at_ns)
            return sorted(late)[100], sorted(plain)[100]
        finally:
            clock.close()

    if selectors.DefaultSelector.__name__ != "EpollSelector":
        pytest.skip("this system's timers are precise by themselves")
    late, plain = asyncio.run(work())
    assert late < plain / 2


def test_a_wait_that_is_cancelled_disturbs_no_other() -> None:
    async def work() -> None:
        clock = Clock()
        try:
            begin = clock.now_ns()
            first = asyncio.ensure_future(clock.until(begin + 5_000_000))
            second = asyncio.ensure_future(clock.until(begin + 10_000_000))
            await asyncio.sleep(0)
            first.cancel()
            await second
            assert clock.now_ns() >= begin + 10_000_000
            assert first.cancelled()
        finally:
            clock.close()

    asyncio.run(work())


def test_a_clock_that_is_closed_lets_nobody_wait_for_ever() -> None:
    async def work() -> None:
        clock = Clock()
        waiting = asyncio.ensure_future(clock.until(clock.now_ns() + 3_600_000_000_000))
        await asyncio.sleep(0)
        clock.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(work())


def test_its_times_are_those_of_the_wall_clock() -> None:
    async def work() -> None:
        clock = Clock()
        try:
            before, now, after = time.time_ns(), clock.since_1970(clock.now_ns()), time.time_ns()
            assert before - 1_000_000 <= now <= after + 1_000_000
            assert clock.from_1970(clock.since_1970(123)) == 123
        finally:
            clock.close()

    asyncio.run(work())
