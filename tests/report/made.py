"""Recordings of any size, made by a seeded generator: a client, two servers, and what they call in turn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.report.content import Report, reported
from groundhog_otel.report.optimizations import Optimization, optimizations
from groundhog_otel.store.manifest import Manifest
from groundhog_otel.store.model import Buckets, Event, Histogram, Point, Process, Recording, Run, Series, Span, Value

__all__ = ("CLIENT", "findings", "recording", "report", "report_of", "trials")

CLIENT = Process("agent", 11)
SERVERS = (Process("shop", 22), Process("files", 33))
START_NS = 1_800_000_000 * 1_000_000_000
TOOLS = tuple(
    f"tools/call {verb}_{noun}" for verb in ("find", "read", "write") for noun in ("orders", "stock", "files")
)
MS = 1_000_000


def recording(spans: int, *, seed: int = 1) -> Recording:
    """Return a recording of about so many spans, never fewer, whole traces all of them."""
    found: list[Span] = []
    random = Random(seed)
    trace = 0
    while len(found) < spans:
        trace += 1
        found.extend(_trace(trace, random))
    length_s = max(trace // 50, 20)
    manifest = Manifest(("python", "agent.py"), "2027-01-15T08:00:00+00:00", float(length_s), 0)
    return Recording(
        runs=(Run("2027-01-15T08-00-00.000-0badcafe", Path("store/2027-01-15T08-00-00.000-0badcafe"), manifest),),
        spans=tuple(found),
        series=tuple(_series(length_s, random)),
        histograms=tuple(_histograms(length_s, random)),
        lines=spans // 20 + 1,
    )


def _trace(number: int, random: Random) -> Iterator[Span]:
    trace_id = f"{random.getrandbits(128) or 1:032x}"
    name = random.choices(("tools/list", *TOOLS), weights=(1, *range(9, 0, -1)))[0]
    server = SERVERS[TOOLS.index(name) % 2 if name in TOOLS else 0]
    start_ns = START_NS + number * 20 * MS + random.randrange(MS)
    length_ns = int(random.lognormvariate(2.3, 0.7) * MS) + MS
    failed = random.random() < 0.02
    rest: dict[str, Any] = {
        "mcp.method.name": name.split()[0], "network.transport": "tcp", "jsonrpc.request.id": str(number),
        "mcp.protocol.version": "2026-07-28", "mcp.session.id": f"{number % 40:08x}",
    }  # fmt: skip
    if name in TOOLS:
        rest |= {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name.split()[1]}
    if failed:
        rest["error.type"] = random.choice(("tool_error", "timeout"))
    own = [f"{random.getrandbits(64) or 1:016x}" for _ in range(5)]
    yield _span(trace_id, own[0], None, name, "client", start_ns, length_ns, CLIENT, rest)
    late_ns = MS // 3
    blocked = Event(
        "groundhog.event_loop.held_up", start_ns + length_ns // 2,
        {"groundhog.event_loop.blocked.duration": 0.12, "code.function.name": "rank", "code.line.number": 40},
    )  # fmt: skip
    inner: dict[str, Any] = {**rest, "groundhog.event_loop.lag": random.random() / 1000}
    events = (blocked,) if random.random() < 0.01 else ()
    yield _span(
        trace_id, own[1], own[0], name, "server", start_ns + late_ns, length_ns - 2 * late_ns, server, inner, events
    )
    for below in range(random.choice((0, 0, 1, 2, 3))):
        at_ns = start_ns + late_ns * 2 + below * length_ns // 5
        text = {"db.system.name": "sqlite", "db.query.text": f"SELECT secret-{number}"}
        yield _span(trace_id, own[2 + below], own[1], "SELECT orders", "client", at_ns, length_ns // 6, server, text)


def _span(  # noqa: PLR0917 - as the model has them
    trace_id: str, own: str, parent: str | None, name: str, kind: Any, start_ns: int, length_ns: int, process: Process,
    attributes: Mapping[str, Value], events: tuple[Event, ...] = (),
) -> Span:  # fmt: skip
    scope = "groundhog_otel.mcp" if "mcp.method.name" in attributes else "opentelemetry.instrumentation.sqlite3"
    status: Any = "error" if "error.type" in attributes else "unset"
    return Span(
        trace_id, own, parent, name, kind, start_ns, start_ns + length_ns, process, scope, status, attributes, events
    )


def _series(length_s: int, random: Random) -> Iterator[Series]:
    for number, process in enumerate((CLIENT, *SERVERS)):
        sizes = {"process.memory.usage": 60e6 + 30e6 * number, "process.cpu.utilization": 0.05 + 0.12 * number}
        for name, usual in sizes.items():
            values = [usual * (1 + 0.2 * math.sin(second / 9) + random.random() / 9) for second in range(length_s)]
            yield _of(name, process, values)
        for name in ("process.disk.io", "groundhog.mcp.io"):
            yield _of(name, process, [second * 20e3 * (1 + number) for second in range(length_s)])
        yield _of("groundhog.worker_threads.in_use", process, [random.randrange(8) for _ in range(length_s)])
        yield _of("groundhog.worker_threads.waiting", process, [0.0] * length_s)


def _of(name: str, process: Process, values: list[float] | list[int]) -> Series:
    return Series(
        name, "1", process, {}, tuple(Point(START_NS + at * 1000 * MS, float(one)) for at, one in enumerate(values))
    )


def _histograms(length_s: int, random: Random) -> Iterator[Histogram]:
    boundaries = (0.001, 0.005, 0.01, 0.05, 0.1)
    for name in ("groundhog.event_loop.lag", "groundhog.gc.pause"):
        counts, total, points = [0] * 6, 0.0, []
        for second in range(length_s):
            for _ in range(20):
                lag = random.expovariate(700)
                counts[sum(lag > one for one in boundaries)] += 1
                total += lag
            points.append(Buckets(START_NS + second * 1000 * MS, sum(counts), total, tuple(counts)))
        yield Histogram(name, "s", SERVERS[0], {}, boundaries, tuple(points))


def findings(of: Recording) -> tuple[Finding, ...]:
    """Return two findings, of which the first points to a span of the recording."""
    slow = max((one for one in of.spans if one.kind == "server"), key=lambda one: one.duration_s)
    return (
        Finding(
            "blocking_call", slow.process.service, slow.name, f"{slow.name} holds the event loop for 120 ms a call.",
            "Run its work with anyio.to_thread.run_sync.", 120.0, 25, 0.95,
            (Evidence("The slowest of them.", slow.trace_id, slow.span_id), Evidence("Lost.", "f" * 32)),
            {"blocked_ms": 120.0}, "offload", {"tool": "find_orders"},
        ),
        Finding(
            "uncached_lists", "shop", "", "tools/list was asked for 48 times, and answered the same each time.",
            "Give the list a time to live.", 2.1, 1, 0.4, (Evidence("All of them."),),
        ),
    )  # fmt: skip


def trials() -> tuple[Optimization, ...]:
    """Return what the optimiser's ledger may hold: one that helped, one that did not, one that was refused."""

    def effect(measure: str, without: float, changed: float, low: float, high: float) -> dict[str, Any]:
        return {
            "measure": measure,
            "without": without,
            "changed": changed,
            "low": low,
            "high": high,
            "confidence": 0.95,
        }

    helped = [
        effect("p99", 0.3, 0.2, -0.5, -0.1), effect("mean", 0.182, 0.131, -0.31, -0.24),
        effect("cpu", 0.004, 0.004, -0.02, 0.04), effect("memory", 80e6, 81e6, 0.005, 0.02),
        effect("p99 of tools/call x", 1, 1, 0, 0),
    ]  # fmt: skip
    return optimizations(
        {"time": "2027-01-15T09:00:00+00:00", "command": ["python"], "trial": trial}
        for trial in (
            {"action": "offload:tool=find_orders", "outcome": "kept", "why": "the mean latency is 28 % lower",
             "predicted_saving_ms": 60.0, "effects": helped},
            {"action": "gc_freeze", "outcome": "reverted", "why": "the interval includes zero",
             "predicted_saving_ms": None, "effects": [effect("mean", 0.131, 0.13, -0.06, 0.03)]},
            {"action": "uvloop", "outcome": "refused", "why": "it is not installed"},
        )
    )  # fmt: skip


def report(spans: int = 400) -> Report:
    """Return a report with something in each of its parts."""
    return report_of(recording(spans))


def report_of(whole: Recording) -> Report:
    """Return the report of a recording, with findings and trials."""
    versions = [("opentelemetry python SDK", "1.45.1")]
    return reported(whole, findings=findings(whole), optimizations=trials(), versions=versions)
