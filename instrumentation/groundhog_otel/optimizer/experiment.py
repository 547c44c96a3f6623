"""Two servers side by side, alike but for one action, in turn under the same load."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from groundhog_otel.load.engine.share import run_share
from groundhog_otel.load.engine.stopping import Stop
from groundhog_otel.load.errors import LoadError, StoppedError
from groundhog_otel.load.judgement.soundness import faults
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.results.result import LoadResult
from groundhog_otel.load.session import Target
from groundhog_otel.optimizer import reports
from groundhog_otel.optimizer.actions import ACTIONS
from groundhog_otel.optimizer.blocks import Block, Segment
from groundhog_otel.optimizer.plan import Plan
from groundhog_otel.optimizer.serving import Command, Served, served
from groundhog_otel.settings import Wanted
from groundhog_otel.store.layout import new_run_id, prepare

__all__ = ("Compared", "compare", "loaded")

_WARM_UPS: Final = 5
_NOISY: Final = 0.5
"""Of the segments, whose load was less than it should have been: enough to say so."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What an experiment has found, not judged yet."""

    blocks: tuple[Block, ...] = ()
    refused: str | None = None
    """Why an action could not be applied, as a clause; then there are no blocks."""
    died: str | None = None
    """How the server with the action has ended, as a clause."""
    notes: tuple[str, ...] = ()


async def compare(
    command: Command,
    plan: Plan,
    *,
    without: Sequence[Wanted] = (),
    changed: Sequence[Wanted] = (),
    stop: Stop | None = None,
    on_block: Callable[[int], None] = lambda _number: None,
) -> Compared:
    """Compare the server with the actions ``changed`` to the one with ``without``; equal ones, it is a control.

    ``on_block`` is called with the number of blocks that are done, before each of them and at the end.

    Raises:
        LoadError: the server cannot be started, has nothing to call, or has ended without a new action.
        StoppedError: ``stop`` was told.
    """
    plan.require_valid()
    stop = stop or Stop()
    new = [one for one in changed if one not in without]
    async with AsyncExitStack() as opened:
        store = None
        if any(ACTIONS[one.name].exports for one in new):
            store = Path(opened.enter_context(TemporaryDirectory(prefix="groundhog-")))
            for name in ("without", "with"):
                prepare(store, name)
        first = await opened.enter_async_context(served(command, without, store=store, run="without"))
        try:
            second = await opened.enter_async_context(served(command, changed, store=store, run="with"))
        except LoadError as error:
            return Compared(died=str(error))
        async with first.target.open() as session:
            config = await plan.config(session)
        try:
            for _ in range(_WARM_UPS):
                await loaded(first.target, plan.warming(config), stop)
                await _changed(second, plan.warming(config), stop)
                if {one.action for one in second.statuses()} >= set(map(str, new)):
                    break
            for one in new:
                why = reports.refusal(str(one), second.statuses(), called=ACTIONS[one.name].unseen)
                if why is not None:
                    return Compared(refused=why)
            return await _blocks((first, second), config, plan, stop=stop, on_block=on_block)
        except _EndedError as ended:
            return Compared(died=str(ended))


async def _blocks(
    pair: tuple[Served, Served], config: LoadTestConfig, plan: Plan, *, stop: Stop, on_block: Callable[[int], None]
) -> Compared:
    first, second = pair
    blocks: list[Block] = []
    poor: list[str] = []
    for number in range(plan.blocks):
        on_block(number)
        sides: dict[Served, list[Segment]] = {first: [], second: []}
        # Whatever drifts evenly (the machine's heat, another program) falls on both alike.
        for server in (first, second, second, first) if number % 2 == 0 else (second, first, first, second):
            before = server.use()
            segment = plan.segment(config, number)
            result = await (loaded(first.target, segment, stop) if server is first else _changed(second, segment, stop))
            after = server.use()
            sides[server].append(Segment.of(result, cpu_s=after.cpu_s - before.cpu_s, memory_bytes=after.memory_bytes))
            poor += faults(result)[:1]
        blocks.append(Block(tuple(sides[first]), tuple(sides[second])))
    on_block(plan.blocks)
    notes = []
    if len(poor) > _NOISY * 4 * plan.blocks:
        notes.append(
            f"in {len(poor)} of {4 * plan.blocks} segments {poor[-1]}; differences may be greater than they look"
        )
    return Compared(tuple(blocks), notes=tuple(notes))


async def loaded(target: Target, config: LoadTestConfig, stop: Stop) -> LoadResult:
    """Put a server under load, and return what was measured.

    Raises:
        LoadError: it cannot be reached, or has ended.
        StoppedError: ``stop`` was told.
    """
    own = Stop()  # a server that has died tells it, too

    async def pass_on() -> None:
        await stop.told()
        own.tell(stop.why or "")
        own.insist()

    passing = asyncio.create_task(pass_on())
    try:
        result = await run_share(target, config, run_id=new_run_id(), stop=own)
        ended = result.interrupted
    except StoppedError as error:
        ended = str(error)
    finally:
        passing.cancel()
        await asyncio.gather(passing, return_exceptions=True)
    if stop.why is not None:
        raise StoppedError(f"stopped before the experiment was over ({stop.why})")
    if ended is not None:
        raise LoadError(getattr(target, "ended", None) or ended)
    return result


async def _changed(server: Served, config: LoadTestConfig, stop: Stop) -> LoadResult:
    """Do the same with the server that has the action: to end is what it does, then, and no error of ours.

    Raises:
        _EndedError: it has ended.
        StoppedError: ``stop`` was told.
    """
    try:
        return await loaded(server.target, config, stop)
    except StoppedError:
        raise
    except LoadError as error:
        raise _EndedError(str(error)) from None


class _EndedError(Exception):
    """The server with the action has ended: how, as a clause."""
