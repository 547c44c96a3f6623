"""µs per ``tools/call`` added over the bare SDK: all variants in one interleaved run, on mcp 1.x and 2.x."""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from bench.worker import VARIANTS

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = {"mcp 2.3": ROOT / ".venv", "mcp 1.30": ROOT / ".venv-mcp1"}
RESULTS = ROOT / "bench" / "RESULTS.md"


@dataclass
class Worker:
    """One variant in a process of its own."""

    environment: str
    variant: str
    process: subprocess.Popen[str]
    us_per_call: list[float] = field(default_factory=list)

    def batch(self, calls: int) -> float:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{calls}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline()) / calls * 1e6


def start(environment: str, variant: str) -> Worker:
    process = subprocess.Popen(
        [str(ENVIRONMENTS[environment] / "bin" / "python"), "-m", "bench.worker", variant],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONHASHSEED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        sys.exit(f"the worker for {variant} on {environment} did not start; is {ENVIRONMENTS[environment]} set up?")
    return Worker(environment, variant, process)


def variants_of(environment: str) -> list[str]:
    return [variant for variant in VARIANTS if variant != "native" or environment.startswith("mcp 2")]


def measure(restarts: int, rounds: int, calls: int) -> dict[tuple[str, str], list[float]]:
    """Return, per environment and variant, the best µs per call of each restart: the code's own, with least noise."""
    best: dict[tuple[str, str], list[float]] = {}
    shuffled = random.Random(0)  # noqa: S311
    for number in range(restarts):
        workers = [start(env, variant) for env in ENVIRONMENTS for variant in variants_of(env)]
        for worker in workers:
            worker.batch(calls * 2)  # warm-up
        for _ in range(rounds):
            shuffled.shuffle(workers)
            for worker in workers:
                worker.us_per_call.append(worker.batch(calls))
        for worker in workers:
            assert worker.process.stdin is not None
            worker.process.stdin.close()
            worker.process.wait(30)
            best.setdefault((worker.environment, worker.variant), []).append(min(worker.us_per_call))
        print(f"restart {number + 1} of {restarts} done", file=sys.stderr, flush=True)
    return best


def table(best: dict[tuple[str, str], list[float]]) -> list[str]:
    lines = ["| SDK | variant | µs per call, all | µs added | of the floor |", "|---|---|---:|---:|---:|"]
    for env in ENVIRONMENTS:
        medians = {variant: statistics.median(best[env, variant]) for variant in variants_of(env)}
        floor = medians["floor"] - medians["bare"]
        for variant, us in medians.items():
            added = us - medians["bare"]
            ratio = "" if variant in ("bare", "control") else f"{added / floor:.2f}"
            lines.append(f"| {env} | {variant} | {us:.0f} | {added:+.0f} | {ratio} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    options = parser.parse_args()
    for environment in ENVIRONMENTS.values():
        subprocess.run(
            [str(environment / "bin" / "python"), "-m", "compileall", "-q", str(environment / "lib")], check=False
        )
    lines = table(measure(options.restarts, options.rounds, options.calls))
    text = "\n".join(lines)
    print(text)
    if options.write:
        made = (
            f"{options.restarts} restarts x {options.rounds} rounds x {options.calls} calls a batch; Python "
            f"{platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
        )
        RESULTS.write_text(HEADER.format(made=made, table=text), "utf-8")


HEADER = """# What a `tools/call` costs

CPU time added to one `tools/call`, client and server together, in one process, over the SDK's in-memory streams (so
that no network hides it). Made by `make bench` in one run: {made}.

Every variant lives in a process of its own; all are alive at once and take turns, in shuffled order, at batches of
calls. A process's figure is its best batch; the table shows the median over the restarts. `control` is `bare` again:
what it adds is the noise of this run. Absolute figures mean little on another machine, the ratios do.

* `bare`: the SDK alone. mcp 2.x traces through the OpenTelemetry API even then, into nothing.
* `native`: the spans that mcp 2.x makes itself, into a real SDK: no metrics, fewer attributes.
* `floor`: written by hand around call and tool: a span with six attributes and a histogram record a side. No context
  travels, so client and server are two traces.
* `floor+propagation`: the same, with the context in `_meta`, so that they are one.
* `ours`: all of it: spans, metrics, propagation, every attribute.

{table}
"""

if __name__ == "__main__":
    main()
