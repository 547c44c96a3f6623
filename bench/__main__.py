"""µs per ``tools/call`` added over the bare SDK: all variants in one interleaved run, on mcp 1.x and 2.x."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = {"mcp 2.3": ROOT / ".venv", "mcp 1.30": ROOT / ".venv-mcp1"}
RESULTS = ROOT / "bench" / "RESULTS.md"


def measure(restarts: int, rounds: int, calls: int) -> dict[tuple[str, str], list[float]]:
    """Return, per SDK and variant, the median µs per call of each process; processes of the SDKs take turns."""
    medians: dict[tuple[str, str], list[float]] = {}
    for number in range(restarts):
        for name, folder in ENVIRONMENTS.items():
            done = subprocess.run(
                [str(folder / "bin" / "python"), "-m", "bench.worker", str(rounds), str(calls)],
                cwd=ROOT,
                env={**os.environ, "PYTHONWARNINGS": "ignore"},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            for variant, batches in json.loads(done.stdout).items():
                medians.setdefault((name, variant), []).append(statistics.median(batches))
        print(f"restart {number + 1} of {restarts} done", file=sys.stderr, flush=True)
    return medians


def table(medians: dict[tuple[str, str], list[float]]) -> list[str]:
    """Return the rows. What is added is taken within each process, and the table has the median over the processes."""
    lines = [
        "| SDK | variant | µs per call | µs added | of the floor | of the floor with propagation |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for (sdk, variant), all_us in medians.items():
        added = [us - bare for us, bare in zip(all_us, medians[sdk, "bare"], strict=True)]
        ratios = ["", ""]
        if variant not in ("bare", "control"):
            for place, floor in enumerate(("floor", "floor+propagation")):
                floors = zip(medians[sdk, floor], medians[sdk, "bare"], added, strict=True)
                ratios[place] = f"{statistics.median(one / (us - bare) for us, bare, one in floors):.2f}"
        lines.append(
            f"| {sdk} | {variant} | {statistics.median(all_us):.0f} | {statistics.median(added):+.0f} | "
            f"{ratios[0]} | {ratios[1]} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=120)
    parser.add_argument("--calls", type=int, default=50)
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

All variants on one SDK share a process and a session, and take turns, in shuffled order, at batches of calls. A
process's figure is the median of its batches; the table has the median over the processes. `control` is `bare` again:
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
