"""Spans as a busy deployment leaves them: traces of some twenty spans, of which a few have something to find."""

from __future__ import annotations

import itertools
import random
from collections.abc import Generator, Iterator
from pathlib import Path

from groundhog_otel.store.model import Kind, Process, Recording, Run, Span, Value

__all__ = ("recording",)

_AGENTS = tuple(Process("agent", pid) for pid in range(100, 104))
_SERVERS = tuple(Process(name, 1000 + pid) for pid, name in enumerate(("search", "files", "billing", "search")))
_TOOLS = ("find", "read", "list_orders", "summarize", "convert", "lookup")
_MS = 1_000_000
_START_NS = 1_800_000_000 * 1_000_000_000


def recording(spans: int) -> Recording:
    """Return so many spans; the same ones every time."""
    return Recording(runs=(Run("made", Path()),), spans=tuple(itertools.islice(_Maker().spans(), spans)))


class _Maker:
    """Makes a trace after the other, each a step of an agent that calls tools, which ask databases and services."""

    def __init__(self) -> None:
        self._random = random.Random(1)
        self._ids = itertools.count(1)
        self._trace = 0

    def spans(self) -> Iterator[Span]:
        for self._trace in itertools.count(1):
            yield from self._step()

    def _step(self) -> Iterator[Span]:
        chance, agent = self._random, self._random.choice(_AGENTS)
        start = at = _START_NS + self._trace * 20 * _MS
        root = next(self._ids)
        if self._trace % 100 == 0:
            at = yield from self._call(root, agent, at, "initialize", {})
        together = chance.random() < 0.3
        ends = [at]
        for _ in range(chance.randint(3, 5)):
            tool = chance.choice(_TOOLS)
            attributes: dict[str, Value] = {"gen_ai.tool.name": tool, "gen_ai.operation.name": "execute_tool"}
            end = yield from self._call(root, agent, at, f"tools/call {tool}", attributes)
            ends.append(end)
            at = at + 100_000 if together else end + 200_000
        yield self._span("agent.step", "internal", agent, root, None, start, max(ends) + _MS, {"step": self._trace})

    def _call(
        self, parent: int, agent: Process, at: int, name: str, attributes: dict[str, Value]
    ) -> Generator[Span, None, int]:
        """Yield the spans of one call and its second attempt, where the first fails; return when it ended."""
        server = self._random.choice(_SERVERS)
        failing = self._random.random() < 0.02
        for attempt in range(2 if failing else 1):
            client, own = next(self._ids), next(self._ids)
            error: dict[str, Value] = {"error.type": "tool_error"} if failing and attempt == 0 else {}
            shared: dict[str, Value] = {
                "mcp.method.name": name.split(maxsplit=1)[0],
                "jsonrpc.request.id": str(client),
                "mcp.protocol.version": "2025-11-25",
                "network.transport": "tcp",
                **attributes,
                **error,
            }
            end = yield from self._work(own, server, at + 300_000)
            yield self._span(name, "server", server, own, client, at + 200_000, end, shared)
            yield self._span(name, "client", agent, client, parent, at, end + 200_000, shared)
            at = end + (50 * _MS if error else 200_000)
        return at

    def _work(self, parent: int, server: Process, at: int) -> Generator[Span, None, int]:
        """Yield what a server asks of others; return when it had all answers."""
        chance = self._random
        many = chance.random() < 0.01
        for _ in range(15 if many else chance.randint(1, 4)):
            end = at + int(chance.lognormvariate(1, 0.2 if many else 0.8) * _MS)
            query = many or chance.random() < 0.5
            name = "SELECT orders" if query else "GET"
            what: dict[str, Value] = {"db.system.name": "postgresql"} if query else {"http.request.method": "GET"}
            yield self._span(name, "client", server, next(self._ids), parent, at, end, what)
            at = end + 100_000
        return at

    def _span(  # noqa: PLR0917 - called on every other line
        self,
        name: str,
        kind: Kind,
        process: Process,
        own: int,
        parent: int | None,
        start: int,
        end: int,
        attributes: dict[str, Value],
    ) -> Span:
        return Span(
            trace_id=f"{self._trace:032x}",
            span_id=f"{own:016x}",
            parent_id=None if parent is None else f"{parent:016x}",
            name=name,
            kind=kind,
            start_ns=start,
            end_ns=end,
            process=process,
            scope="made",
            attributes=attributes,
        )
