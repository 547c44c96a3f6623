"""What the load tester can do on one machine, and beside k6.

``python -m bench.load [--k6 PROGRAM] [--rounds N] [--write]``. Server and generator share the machine, over loopback.
k6 is built by ``go install go.k6.io/k6@v1.8.1``.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path

from bench.load import accuracy
from bench.load.peers import Run, k6, ours
from bench.load.served import EVENTS, TAKES_S, serving
from groundhog_otel.load.arrivals import Constant
from groundhog_otel.load.engine.logs import quiet
from groundhog_otel.load.plan import LoadTestConfig, Scenario, Step
from groundhog_otel.load.reporting import wording
from groundhog_otel.load.scaling.resources import ResourceSampler
from groundhog_otel.load.targets import target_for
from groundhog_otel.load.tester import LoadTester
from tests.support.processes import ROOT

RESULTS = Path(__file__).parent / "RESULTS.md"
SERVERS = {
    "mcp 1.30": (".venv-mcp1", "sdk"),
    "mcp 2.3": (".venv", "sdk"),
    "FastMCP 2.14": (".venv-fastmcp2", "fastmcp"),
    "FastMCP 3.4": (".venv-fastmcp3", "fastmcp"),
    "FastMCP 4.1": (".venv-fastmcp4", "fastmcp"),
}
"""The environments that ``make bench-load`` makes, and whose server is run in each."""
LOOK = Scenario("look", (Step(target="look", arguments={"word": "x"}),))
TELL = Scenario("tell", (Step(target="tell"),))


def _held(connections: int, rate: float, duration_s: float) -> str:
    """Hold sessions, and use all of them, one after the other."""
    config = LoadTestConfig(
        duration=duration_s, concurrent_users=connections, arrivals=Constant(rate), test_scenarios=(LOOK,), seed=1
    )
    with serving("sessions") as (url, pid), ResourceSampler(lambda: [pid]) as sampler:
        result = LoadTester(target_for(url, protocol="handshake"), telemetry="none").run_load_test(config)
    (operation,) = result.operations
    most = max((one.memory_bytes or 0 for one in sampler.samples), default=0)
    failed = sum(operation.errors.values())
    return (
        f"| {result.connections_peak:,} sessions held, {rate:g} calls/s over them for {duration_s:g} s | "
        f"{operation.count:,} calls, {failed} failed, {result.reopened} sessions lost; "
        f"server's memory {most / 1e6:.0f} MB |"
    )


def _most(name: str, scenario: Scenario, users: int, duration_s: float) -> str:
    """Ask as fast as answers come, and count what the server's CPU does."""
    config = LoadTestConfig(duration=duration_s, concurrent_users=users, test_scenarios=(scenario,), warm_up=1.0)
    environment, maker = SERVERS[name]
    python = ROOT / environment / "bin/python"
    with (
        serving("sessions", maker, python) as (url, pid),
        ResourceSampler(lambda: [pid], interval_s=0.2) as sampler,
    ):
        result = LoadTester(target_for(url, protocol="handshake"), telemetry="none").run_load_test(config)
    (operation,) = result.operations
    inside = [
        one
        for one in sampler.samples
        if one.cpu_s is not None and 0 <= one.time_ns - result.started_at_ns <= result.duration_s * 1e9
    ]
    seconds = (inside[-1].time_ns - inside[0].time_ns) / 1e9
    cores = ((inside[-1].cpu_s or 0.0) - (inside[0].cpu_s or 0.0)) / seconds
    count, unit = operation.count, "commands"
    if scenario is TELL:
        count, unit = result.events or 0, "events"
    rate, failed = count / result.duration_s, sum(operation.errors.values())
    busy = ", ".join(f"{check.cpu_share:.0%}" for check in result.self_checks)
    return (
        f"| {name} | {scenario.name}, {users} users | {rate:,.0f} {unit}/s | {cores:.2f} | **{rate / cores:,.0f}** | "
        f"{failed} | {busy} |"
    )


def _needed(name: str, users: int, duration_s: float) -> Iterator[str]:
    """Sweep over the concurrency, and say what the targets take."""
    environment, maker = SERVERS[name]
    for scenario in (LOOK, TELL):
        config = LoadTestConfig(duration=duration_s, test_scenarios=(scenario,), warm_up=1.0, seed=1)
        with serving("sessions", maker, ROOT / environment / "bin/python") as (url, _):
            tester = LoadTester(target_for(url, protocol="handshake"), telemetry="none")
            found = tester.measure_resource_scaling(config, most=users)
        for one in found.needs:
            if (one.target == "events") is (scenario is TELL):
                yield f"| {name} | {scenario.name} | {wording.need(one)} | {wording.cores(one)} | {one.basis} |"


def _rows(rounds: int, program: str | None, duration_s: float) -> Iterator[str]:
    yield "| what | measured |"
    yield "|---|---|"
    yield _held(100, 100, duration_s)
    yield _held(1000, 100, duration_s)
    yield ""
    yield "| server | load, closed | measured | server's cores | per core | failed | generator's CPU |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for name in SERVERS:
        yield _most(name, LOOK, 20, duration_s)
        yield _most(name, TELL, 5, duration_s)
    yield ""
    yield "| server | load | target | takes | by |"
    yield "|---|---|---|---|---|"
    for name in ("mcp 1.30", "mcp 2.3"):
        yield from _needed(name, 64, duration_s)
    yield ""
    yield from accuracy.rows(100, 12 * duration_s)
    if program is None:
        return
    yield ""
    yield "| generator | users | requests/s | CPU µs per request | requests/s per core | p50 ms | p99 ms | failed |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    runs: dict[str, list[Run]] = {"groundhog load": [], "k6": []}
    with serving("stateless") as (url, _):
        for _ in range(rounds):
            runs["groundhog load"].append(ours(url, users=10, duration_s=duration_s))
            runs["k6"].append(k6(program, url, users=10, duration_s=duration_s))
    for name, found in runs.items():
        rate, cpu, p50, p99 = (
            statistics.median(getattr(one, field) for one in found)
            for field in ("requests_per_s", "cpu_us", "p50_ms", "p99_ms")
        )
        failed = sum(one.failed for one in found)
        yield f"| {name} | 10 | {rate:,.0f} | {cpu:,.0f} | {1e6 / cpu:,.0f} | {p50:.1f} | {p99:.1f} | {failed} |"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--k6")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--duration", type=float, default=8.0)
    options.add_argument("--write", action="store_true")
    given = options.parse_args()
    quiet()
    lines = []
    for line in _rows(given.rounds, given.k6, given.duration):
        print(line, flush=True)
        lines.append(line)
    if given.write:
        made = (
            f"Made on {date.today()} by `python -m bench.load --k6 k6 --rounds {given.rounds} "
            f"--duration {given.duration:g} --write`: Python {platform.python_version()}, {platform.system()} "
            f"{platform.machine()}, {os.cpu_count()} CPUs, mcp {version('mcp')}, k6 1.8.1."
        )
        about = Path(__file__).with_name("about.md").read_text("utf-8")
        RESULTS.write_text(f"{about.format(made=made, takes=TAKES_S * 1e3, events=EVENTS)}\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
