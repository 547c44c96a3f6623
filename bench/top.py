"""What a frame of ``groundhog top`` takes to draw, and what being watched costs the process.

``python -m bench.top [--rounds N] [--write]`` prints a markdown table, and writes it to ``bench/TOP.md``. Every round
makes each line once, in random order; the table has the median of the rounds in CPU time, which other
programs hardly move, and median and 99th percentile in wall time. The frame is drawn as the terminal gets it, and
written to memory.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import random
import statistics
import tracemalloc
from collections.abc import Callable
from datetime import date
from pathlib import Path
from time import perf_counter, thread_time

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.trace import SpanKind

from groundhog_otel.analysis.percentiles import nearest_rank
from groundhog_otel.budgets import UI
from groundhog_otel.mcp.operation import Operation
from groundhog_otel.mcp.telemetry import Telemetry
from groundhog_otel.mcp.transport import STDIO
from groundhog_otel.monitor.collector import MetricCollector
from groundhog_otel.monitor.frame import Screen, draw
from groundhog_otel.monitor.metrics import CollectedMetrics, Key, from_json
from groundhog_otel.monitor.trend import theil_sen
from groundhog_otel.monitor.window import Window
from groundhog_otel.settings import McpSettings

RESULTS = Path(__file__).parent / "TOP.md"
CALLS = 200_000


def watched(tools: int, *, calls: int = CALLS) -> MetricCollector:
    """Return a collector that has seen calls of so many tools, some over their budget and some in error."""
    collector = MetricCollector(window_s=600)
    chance = random.Random(tools)
    for number in range(calls):
        tool = number % tools
        took_s = chance.lognormvariate(-4 + tool / tools, 0.6)
        collector.watch.note(
            Key("server", "tools/call", f"tool_{tool:04}"), took_s, "tool_error" if not number % 97 else None
        )
    return collector


def _ended(collector: MetricCollector, operation: Operation) -> None:
    """Hear of a thousand operations, as they begin and end."""
    for _ in range(1000):
        collector.watch._begun(operation)
        collector.watch._ended(operation, 0.01)


def _operation() -> Operation:
    telemetry = Telemetry(McpSettings(), meter_provider=MeterProvider(shutdown_on_exit=False))
    telemetry.targets.learn("tool_0000")
    return Operation(telemetry, SpanKind.SERVER, "tools/call", transport=STDIO, target="tool_0000")


def memory() -> str:
    """Return a table of what one operation takes, by how many calls there are in its window."""
    table = ["| calls in the window | kB |", "|---|--:|"]
    for calls in (50, 1000, 100_000):
        chance = random.Random(calls)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        window = Window(60)
        for number in range(calls):
            window.add(60 * number / calls, chance.lognormvariate(-4, 0.6))
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        table.append(f"| {calls:,} | {(after - before) / 1000:.0f} |")
    return "\n".join(table)


def _all_called(collector: MetricCollector) -> CollectedMetrics:
    """Collect when no tool is as it was the last time."""
    for tool in range(200):
        collector.watch.note(Key("server", "tools/call", f"tool_{tool:04}"), 0.01)
    return collector.collect_metrics()


def _lines() -> dict[str, Callable[[], object]]:
    found: dict[str, Callable[[], object]] = {}
    screen = Screen(width=120, height=50, colour=True, keys=True)
    sink = io.StringIO()

    def frame(metrics: CollectedMetrics, on: Screen) -> None:
        sink.seek(0)
        sink.write("\x1b[H" + "\r\n".join(f"{line}\x1b[K" for line in draw([metrics], on)) + "\x1b[J")

    for tools in (10, 50, 200, 1000):
        metrics = watched(tools).collect_metrics()
        found[f"a frame of 50 lines, {tools} tools"] = lambda metrics=metrics: frame(metrics, screen)  # type: ignore[misc]
    whole = watched(200)
    metrics = whole.collect_metrics()
    found["all 200 lines at once, as into a pipe"] = lambda: frame(metrics, Screen(width=120))
    raw = json.dumps(metrics.as_json())
    found["200 tools out of the endpoint's JSON"] = lambda: from_json(json.loads(raw))
    found["in the process: 200 tools collected and made JSON, all idle"] = lambda: json.dumps(
        whole.collect_metrics().as_json()
    )
    found["in the process: the same, every tool called since"] = lambda: json.dumps(_all_called(whole).as_json())
    operation = _operation()
    found["in the process: 1000 operations heard of"] = lambda: _ended(whole, operation)
    points = [(float(number), random.random()) for number in range(64)]
    found["in the process: one trend of 64 points"] = lambda: theil_sen(points)
    return found


def measure(rounds: int) -> str:
    """Return the table."""
    lines = _lines()
    took: dict[str, list[float]] = {name: [] for name in lines}
    spent: dict[str, list[float]] = {name: [] for name in lines}
    for number in range(rounds + 3):
        for name in random.sample(sorted(lines), len(lines)):
            started, before = perf_counter(), thread_time()
            lines[name]()
            if number >= 3:
                spent[name].append(thread_time() - before)
                took[name].append(perf_counter() - started)
    table = ["| what | CPU, ms | wall, ms | p99 of wall, ms |", "|---|--:|--:|--:|"]
    for name in lines:
        figures = statistics.median(spent[name]), statistics.median(took[name]), nearest_rank(sorted(took[name]), 99)
        table.append(f"| {name} | {' | '.join(f'{figure * 1e3:.2f}' for figure in figures)} |")
    return "\n".join(table)


def _page(table: str, rounds: int, load: float) -> str:
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    return f"""# What `groundhog top` takes, and what being watched costs

Made with `python -m bench.top --rounds {rounds} --write` on {date.today()}: every round makes each line once, in random
order; medians, and the 99th percentile. {machine},
busy with other work (load average {load:.0f}), which wall time has in it and CPU time hardly. The process has seen
{CALLS:,} calls within its window. The budget for what a user sees is {UI.limit_s * 1e3:.0f} ms.

{table}

What the window of one operation takes, of durations spread as those of a tool are (lognormal, sigma 0.6):

{memory()}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    table = measure(options.rounds)
    print(table)
    if options.write:
        RESULTS.write_text(_page(table, options.rounds, load), "utf-8")


if __name__ == "__main__":
    main()
