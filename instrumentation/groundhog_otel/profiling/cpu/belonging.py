"""Whose a stack is: the operation for which a thread, at this very moment, runs what it runs.

By the context of the task that the thread's loop is running, or by the context in which a worker thread was given its
function. Both are copied from task to task by Python itself, so what an operation starts belongs to it, however deep.
"""

from __future__ import annotations

import asyncio
from typing import Any

from opentelemetry.trace import SpanKind

from groundhog_otel.mcp.inflight import IN_FLIGHT
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.profiling.cpu.following import Followed, Following, marked
from groundhog_otel.profiling.cpu.stacks import Walk
from groundhog_otel.runtime.frames import context_of, operation_of

__all__ = ("current_task", "owner")


def current_task(following: Following, thread: int) -> asyncio.Task[Any] | None:
    """Return the task that the event loop of a thread is running."""
    found = following.loops.get(thread)
    loop = None if found is None else found()
    return None if loop is None else asyncio.current_task(loop)


def owner(following: Following, walk: Walk, task: asyncio.Task[Any] | None) -> Followed | None:
    """Return the followed operation that a stack belongs to; None where that is not certain."""
    if not following.under_way:
        return None
    context = walk.context() if task is None else context_of(task)
    found = [] if context is None else marked(context)
    if not found and following.unmarked:
        early = operation_of(context, tuple(following.under_way))
        found = [] if early is None else [early]
    if not found and context is None:  # trio, or a thread that somebody else has set up
        found = [one for one in walk.wrapped() if isinstance(one, Operation) and one in IN_FLIGHT]
    return _chosen(following, found)


def _chosen(following: Following, operations: list[Operation]) -> Followed | None:
    """Return the innermost that is followed, and rather the tool than what the tool asks of other servers."""
    followed = [one for one in operations if one in following.under_way]
    served = [one for one in followed if one.kind is SpanKind.SERVER]
    chosen = next(iter(served or followed), None)
    return None if chosen is None else following.followed(chosen)
