"""What a test records of each request: bounded memory, however many there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from groundhog_otel.load.engine.clock import Clock
from groundhog_otel.load.engine.remembered import Remembered
from groundhog_otel.load.engine.tally import Tally
from groundhog_otel.load.engine.windows import Windows
from groundhog_otel.load.plan import Step
from groundhog_otel.load.results.result import Request
from groundhog_otel.load.session import Answer
from groundhog_otel.mcp.guard import guarded_error

__all__ = ("MOST_KINDS", "Flight", "Observer", "Operation", "Recorder", "bounded")

MOST_KINDS: Final = 50
"""Kinds of errors that an operation is counted with; what else there is counts as ``{class}:other``."""
_MESSAGE: Final = 300


class Observer(Protocol):
    """Sees each request that counts, when it is over. To record must not block."""

    def record(self, operation: str, *, response_s: float, delay_s: float, error: str | None = None) -> None:
        """Take note of a request: its name, its response latency, how long after it was due it was sent."""
        ...

    def close(self) -> object:
        """Take note that there are no more; may take some seconds."""
        ...


@dataclass(slots=True, eq=False)
class Flight:
    """A request from the moment it is due."""

    scenario: str
    step: Step
    operation: str
    due_ns: int
    """Nanoseconds of the test's clock, as the others."""
    trace_id: str = ""
    span_id: str = ""
    sent_ns: int | None = None


@dataclass(slots=True)
class Operation:
    """What is counted of the requests of one name, besides their latencies."""

    method: str
    count: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)


class Recorder:
    """Counts what is due from ``from_ns`` on, for ``duration_s``; the warm-up is before."""

    def __init__(
        self,
        clock: Clock,
        *,
        from_ns: int,
        duration_s: float,
        seed: str,
        on_remembered: Callable[[Request], None] | None = None,
        observer: Observer | None = None,
        on_closed: Callable[[], None] | None = None,
    ) -> None:
        """``on_closed`` is called when a window is over, before what comes next is counted."""
        self._clock = clock
        self.from_ns = from_ns
        self.operations: dict[str, Operation] = {}
        """By name."""
        self._observer = observer
        self.windows = Windows(duration_s, on_closed)
        self.remembered = Remembered(seed, on_remembered)
        self.started = 0
        """Requests that were sent, those of the warm-up included; likewise the two below."""
        self.finished = 0
        self.failed = 0
        self.recent = Tally()
        """Response latencies since somebody last took it."""

    def due(self, due_ns: int) -> None:
        """Take note that a request is due."""
        if due_ns >= self.from_ns:
            self.windows.due((due_ns - self.from_ns) / 1e9)

    def ended(self, flight: Flight, ended_ns: int, answer: Answer) -> None:
        """Count a request that is over; also one that was never sent."""
        response_ns = ended_ns - flight.due_ns
        self.finished += 1
        self.failed += answer.error is not None
        self.recent.add_ns(response_ns)
        if flight.due_ns < self.from_ns:
            return
        name = flight.operation
        self.windows.ended(
            (ended_ns - self.from_ns) / 1e9,
            name,
            response_ns,
            failed=answer.error is not None,
            service_ns=None if flight.sent_ns is None else ended_ns - flight.sent_ns,
        )
        operation = self.operations.get(name)
        if operation is None:
            operation = self.operations[name] = Operation(flight.step.method)
        operation.count += 1
        error = None if answer.error is None else self._failed(operation, answer)
        if flight.sent_ns is not None:
            self.remembered.offer(response_ns, lambda: self._request(flight, ended_ns, answer, error))
        if self._observer is not None:
            delay_ns = (ended_ns if flight.sent_ns is None else flight.sent_ns) - flight.due_ns
            try:
                self._observer.record(name, response_s=response_ns / 1e9, delay_s=delay_ns / 1e9, error=error)
            except Exception:
                guarded_error("load.observer")

    def _failed(self, operation: Operation, answer: Answer) -> str:
        kind = bounded(f"{answer.error}:{answer.detail}" if answer.detail else f"{answer.error}", operation.errors)
        operation.errors[kind] = operation.errors.get(kind, 0) + 1
        if answer.message and kind not in operation.messages:
            operation.messages[kind] = " ".join(answer.message.split())[:_MESSAGE]
        return kind

    def _request(self, flight: Flight, ended_ns: int, answer: Answer, error: str | None) -> Request:
        at = self._clock.since_1970
        sent_ns = flight.due_ns if flight.sent_ns is None else flight.sent_ns
        return Request(
            operation=flight.operation,
            scenario=flight.scenario,
            trace_id=flight.trace_id,
            span_id=flight.span_id,
            intended_ns=at(flight.due_ns),
            sent_ns=at(sent_ns),
            written_ns=None if answer.written_ns is None else at(answer.written_ns),
            read_ns=None if answer.read_ns is None else at(answer.read_ns),
            ended_ns=at(ended_ns),
            error=error,
        )


def bounded(kind: str, known: dict[str, int]) -> str:
    """Return the kind that an error is counted as: its own, unless there are too many already."""
    return kind if kind in known or len(known) < MOST_KINDS else f"{kind.partition(':')[0]}:other"
