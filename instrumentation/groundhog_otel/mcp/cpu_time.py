"""The CPU time that an operation takes of this process's threads, on the span of whoever handles its message.

Counted are the steps of the task that handles the message, one by one, so what else its event loop runs in between is
not in it; and the functions that it sends to worker threads through ``anyio.to_thread`` or ``asyncio.to_thread``. Not
counted are tasks that it starts, threads and executors of the program's own, and other processes: the truth may be
more, never less.

Beside it, where the kernel tells, for how long those threads were ready and had to wait for a CPU: on a busy host, or
in a container with a quota, what computes all the time would else look like something that waits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextvars import ContextVar
from inspect import iscoroutine
from time import thread_time_ns
from typing import Any, Final

from opentelemetry.trace import SpanKind, get_current_span

from groundhog_otel import semconv
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.inflight import AROUND
from groundhog_otel.mcp.operation import Operation, restore
from groundhog_otel.mcp.patching import Hook, Patches
from groundhog_otel.mcp.run_queue import delay_ns, own_account

__all__ = ("CpuTime",)


class _Meter:
    """What one operation has used so far."""

    __slots__ = ("_delay_ns", "account", "in_task_ns", "in_threads_ns", "over")

    def __init__(self) -> None:
        self.in_task_ns = 0
        self.in_threads_ns: list[tuple[int, int]] = []
        """CPU time, and delay beyond the task's own, one by one: that needs no lock between threads."""
        self.over = False
        self.account = own_account()
        """Of the thread in which the task runs."""
        self._delay_ns = delay_ns(self.account)

    def tell(self, operation: Operation) -> None:
        """Put it on the operation's span."""
        self.over = True
        cpu_ns = self.in_task_ns + sum(cpu_ns for cpu_ns, _ in self.in_threads_ns)
        operation.set(semconv.CPU_TIME, cpu_ns / 1e9)
        late_ns = delay_ns(self.account) - self._delay_ns + sum(late_ns for _, late_ns in self.in_threads_ns)
        if late_ns > 0:
            operation.set(semconv.CPU_DELAY, late_ns / 1e9)


_METER: Final[ContextVar[_Meter | None]] = ContextVar("groundhog_otel_cpu_time", default=None)
"""That of the operation which the current task works for."""


class CpuTime:
    """Measures every operation that is handled here, from :meth:`install` to :meth:`remove`."""

    def __init__(self) -> None:
        self._patches = Patches(
            (Hook("anyio.to_thread", "run_sync", _in_thread), Hook("asyncio.threads", "to_thread", _in_thread))
        )

    def install(self) -> None:
        """Begin to measure."""
        AROUND.append(_around)
        self._patches.install()

    def remove(self) -> None:
        """Measure no more; what is under way is measured to its end."""
        if _around in AROUND:
            AROUND.remove(_around)
        self._patches.remove()


def _around(operation: Operation, answer: Awaitable[Any]) -> Awaitable[Any]:
    try:
        wanted = operation.kind is SpanKind.SERVER and not operation.notification and operation.context is not None
        if wanted and get_current_span(operation.context).is_recording():
            return _measured(operation, answer)
    except Exception:
        guarded_error("cpu time")
    return answer


async def _measured(operation: Operation, answer: Awaitable[Any]) -> Any:
    meter = _Meter()
    token = _METER.set(meter)
    try:
        result = await _Steps(answer, meter)
    except GeneratorExit:  # thrown away, perhaps by the garbage collector: no time to touch the span
        restore(token)
        raise
    except BaseException:
        restore(token)
        meter.tell(operation)
        raise
    restore(token)
    meter.tell(operation)
    return result


class _Steps:
    """An awaitable whose steps are timed, each by the clock of the thread that takes it."""

    __slots__ = ("_answer", "_meter")

    def __init__(self, answer: Awaitable[Any], meter: _Meter) -> None:
        self._answer = answer
        self._meter = meter

    def __await__(self) -> Generator[Any, Any, Any]:
        meter = self._meter
        coroutine: Any = self._answer if iscoroutine(self._answer) else _coroutine(self._answer)
        step, given = coroutine.send, None
        try:
            while True:
                began = thread_time_ns()
                try:
                    waits_for = step(given)
                except StopIteration as done:
                    return done.value
                finally:
                    meter.in_task_ns += thread_time_ns() - began
                try:
                    step, given = coroutine.send, (yield waits_for)
                except GeneratorExit:
                    raise
                except BaseException as thrown:  # cancellation, above all: the handler's to deal with
                    step, given = coroutine.throw, thrown
        finally:
            coroutine.close()


async def _coroutine(answer: Awaitable[Any]) -> Any:
    return await answer


def _in_thread(original: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for a function that runs another one in a worker thread."""

    async def run(func: Any, *args: Any, **kwargs: Any) -> Any:
        meter = _METER.get()
        return await original(func if meter is None or not callable(func) else _Timed(func, meter), *args, **kwargs)

    return run


class _Timed:
    """A function on its way to a worker thread."""

    __slots__ = ("_func", "_meter")

    def __init__(self, func: Callable[..., Any], meter: _Meter) -> None:
        self._func = func
        self._meter = meter

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        meter, account = self._meter, own_account()
        # For as long as this thread works, it is no delay that the task's has to wait.
        late, began = delay_ns(account) - delay_ns(meter.account), thread_time_ns()
        try:
            return self._func(*args, **kwargs)
        finally:
            if not meter.over:  # else nobody waits for it any more, and the task's thread may have ended
                took = thread_time_ns() - began
                meter.in_threads_ns.append((took, delay_ns(account) - delay_ns(meter.account) - late))
