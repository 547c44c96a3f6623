"""A callback that has kept its event loop from everything else: whose it is, where it is, whom it holds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.util.types import AttributeValue

from groundhog_otel import semconv
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.runtime.frames import Location

__all__ = ("Block", "metric_attributes")

BLOCKED: Final = "groundhog.event_loop.blocked"
HELD_UP: Final = "groundhog.event_loop.held_up"
DURATION: Final = "groundhog.event_loop.blocked.duration"
"""Seconds."""
VICTIMS: Final = "groundhog.event_loop.blocked.victims"
_TARGETS: Final = {"tools/call": semconv.GEN_AI_TOOL_NAME, "prompts/get": semconv.GEN_AI_PROMPT_NAME}


class Block:
    """One block, from the moment it is noticed until it is reported."""

    def __init__(self, since: float, culprit: Operation | None, operations: Collection[Operation]) -> None:
        self.since = since
        self.until: float | None = None
        """On the clock of ``perf_counter``; None until another callback or the loop itself is seen to run."""
        self.culprit = culprit
        waiting = set() if culprit is None else _ancestors(culprit, operations)
        self.victims = [one for one in operations if one is not culprit and one not in waiting]
        self._seen: Counter[Location] = Counter()

    def saw(self, location: Location | None) -> None:
        """Take note of where the callback was at one look."""
        if location is not None:
            self._seen[location] += 1

    def report(self, duration_s: float) -> None:
        """Tell the spans of the culprit and of its victims, as far as they have not ended."""
        where = self._seen.most_common(1)[0][0].attributes() if self._seen else {}
        facts: dict[str, AttributeValue] = {DURATION: duration_s, **where}
        if self.culprit is not None:
            victims = len(self.victims)
            self._span(self.culprit).add_event(BLOCKED, {**facts, VICTIMS: victims})
            facts.update(_names(self.culprit.method, self.culprit.target))
        for victim in self.victims:
            span = self._span(victim)
            span.add_event(HELD_UP, facts)
            if self.culprit is not None and self.culprit.context is not None:
                span.add_link(trace.get_current_span(self.culprit.context).get_span_context())

    @staticmethod
    def _span(operation: Operation) -> trace.Span:
        span = trace.INVALID_SPAN if operation.context is None else trace.get_current_span(operation.context)
        return span if span.is_recording() else trace.INVALID_SPAN


def metric_attributes(operation: Operation) -> dict[str, AttributeValue]:
    """Return what a metric says of whoever blocked the loop."""
    return _names(*operation.bounded_names())


def _names(method: str, target: str | None) -> dict[str, AttributeValue]:
    named: dict[str, AttributeValue] = {semconv.MCP_METHOD_NAME: method}
    if target is not None and method in _TARGETS:
        named[_TARGETS[method]] = target
    return named


def _ancestors(operation: Operation, operations: Collection[Operation]) -> set[Operation]:
    """Return the operations that wait for this one's answer, rather than for their turn."""
    by_id = {trace.get_current_span(one.context).get_span_context().span_id: one for one in operations}
    found: set[Operation] = set()
    current: Operation | None = operation
    while current is not None and current not in found:
        found.add(current)
        span: Any = trace.get_current_span(current.context)
        current = by_id.get(getattr(getattr(span, "parent", None), "span_id", 0))
    return found
