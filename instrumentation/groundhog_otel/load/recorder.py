"""Counts what has happened to each request. What is due within the warm-up is not counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from groundhog_otel.load.context import TraceIds
from groundhog_otel.load.histograms import encoded, new_histogram, record
from groundhog_otel.load.plan import Step
from groundhog_otel.load.remembered import Remembered
from groundhog_otel.load.result import OperationResult, Request
from groundhog_otel.load.session import Answer
from groundhog_otel.load.windows import Windows

__all__ = ("Ended", "Listener", "Recorder")

_MOST_ERRORS: Final = 100
_OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class Ended:
    """A request that is over. Times are of ``time.perf_counter_ns``."""

    step: Step
    scenario: str
    ids: TraceIds
    due_ns: int
    sent_ns: int
    ended_ns: int
    answer: Answer

    def as_request(self, epoch_ns: int, error: str | None) -> Request:
        """Return what is remembered of it. ``epoch_ns`` makes its times ones since 1970."""
        written_ns, read_ns = self.answer.written_ns, self.answer.read_ns
        return Request(
            operation=self.step.name,
            scenario=self.scenario,
            trace_id=self.ids.trace_id,
            span_id=self.ids.span_id,
            intended_ns=self.due_ns + epoch_ns,
            sent_ns=self.sent_ns + epoch_ns,
            written_ns=None if written_ns is None else written_ns + epoch_ns,
            read_ns=None if read_ns is None else read_ns + epoch_ns,
            ended_ns=self.ended_ns + epoch_ns,
            error=error,
        )


class Listener:
    """What wants to know of requests while a test runs. Must neither raise nor wait for anything."""

    def remembered(self, request: Request) -> None:
        """Take note of a request that is among the slowest so far, or in the sample."""

    def finished(self, operation: str, *, response_s: float, delay_s: float, error: str | None) -> None:
        """Take note of any request that has ended, within the warm-up as well."""


class _Operation:
    __slots__ = ("count", "errors", "messages", "method", "name", "response", "service")

    def __init__(self, name: str, method: str) -> None:
        self.name, self.method = name, method
        self.response, self.service = new_histogram(), new_histogram()
        self.count = 0
        self.errors: Counter[str] = Counter()
        self.messages: dict[str, str] = {}

    def fail(self, error: str, answer: Answer) -> str:
        """Count an error, and return what it is counted as: a server may invent new ones without end."""
        if error not in self.errors and len(self.errors) >= _MOST_ERRORS:
            error = f"{answer.error}:{_OTHER}"
        self.errors[error] += 1
        if answer.message:
            self.messages.setdefault(error, answer.message)
        return error


class Recorder:
    """All that is measured by one process. Times are of ``time.perf_counter_ns``."""

    def __init__(self, *, seed: int, epoch_ns: int, listener: Listener | None = None) -> None:
        """``epoch_ns`` is what has to be added to a time for nanoseconds since 1970."""
        self.windows = Windows()
        self.started = self.finished = self.failed = self.unfinished = 0
        """Of all requests, those of the warm-up too, but for ``unfinished``."""
        self.last_ended_ns = 0
        self.counted_from_ns = 0
        """The end of the warm-up: set once the test begins."""
        self.epoch_ns = epoch_ns
        self._listener = listener
        self._operations: dict[str, _Operation] = {}
        self._remembered = Remembered(seed)
        self._latest = new_histogram()

    def due(self, due_ns: int) -> None:
        """Count a round that is due."""
        if due_ns >= self.counted_from_ns:
            self.windows.due((due_ns - self.counted_from_ns) / 1e9)

    def record(self, ended: Ended) -> None:
        """Count a request that has ended."""
        answer = ended.answer
        response_ns = ended.ended_ns - ended.due_ns
        error = None if answer.error is None else answer.error + (f":{answer.detail}" if answer.detail else "")
        self.finished += 1
        self.failed += error is not None
        record(self._latest, response_ns)
        if self._listener is not None:
            delay_s = (ended.sent_ns - ended.due_ns) / 1e9
            self._listener.finished(ended.step.name, response_s=response_ns / 1e9, delay_s=delay_s, error=error)
        if ended.due_ns < self.counted_from_ns:
            return
        self.last_ended_ns = max(self.last_ended_ns, ended.ended_ns)
        name = ended.step.name
        found = self._operations.get(name)
        if found is None:
            found = self._operations[name] = _Operation(name, ended.step.method)
        found.count += 1
        record(found.response, response_ns)
        record(found.service, ended.ended_ns - ended.sent_ns)
        if error is not None:
            error = found.fail(error, answer)
        at_s = (ended.ended_ns - self.counted_from_ns) / 1e9
        self.windows.record(at_s, name, response_ns, failed=error is not None)
        slow, place = self._remembered.place(response_ns)
        if slow or place is not None:
            request = ended.as_request(self.epoch_ns, error)
            self._remembered.keep(request, slow=slow, place=place)
            if self._listener is not None:
                self._listener.remembered(request)

    def latest(self) -> Any:
        """Return the response latencies since the last time that this was asked, as a histogram."""
        latest, self._latest = self._latest, new_histogram()
        return latest

    def operations(self) -> tuple[OperationResult, ...]:
        """Return what was measured, by name."""
        return tuple(
            OperationResult(
                name=one.name,
                method=one.method,
                response=encoded(one.response),
                service=encoded(one.service),
                count=one.count,
                errors=dict(one.errors.most_common()),
                messages=dict(one.messages),
            )
            for _, one in sorted(self._operations.items())
        )

    @property
    def slowest(self) -> tuple[Request, ...]:
        """The ten slowest, the slowest first."""
        return self._remembered.slowest

    @property
    def sample(self) -> tuple[Request, ...]:
        """Some, drawn evenly from all."""
        return self._remembered.sample
