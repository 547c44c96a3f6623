"""µs per ``tools/call`` added over the bare SDK: all variants in one interleaved run, on mcp 1.x and 2.x."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = {"mcp 2.3": ROOT / ".venv", "mcp 1.30": ROOT / ".venv-mcp1"}
RESULTS = ROOT / "bench" / "RESULTS.md"


def measure(restarts: int, rounds: int, calls: int) -> dict[tuple[str, str, str], list[list[float]]]:
    """Return, per SDK, way to call and variant, each process's µs of its batches; processes of the SDKs take turns."""
    found: dict[tuple[str, str, str], list[list[float]]] = {}
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
            for way, variants in json.loads(done.stdout).items():
                for variant, batches in variants.items():
                    found.setdefault((name, way, variant), []).append(batches)
        print(f"restart {number + 1} of {restarts} done", file=sys.stderr, flush=True)
    return found


def table(found: dict[tuple[str, str, str], list[list[float]]]) -> list[str]:
    """Return the rows. What is added is taken within each process, and the table has the median over the processes."""
    lines = [
        "| SDK | calls | variant | µs per call | µs added | of floor | of floor+propagation | median µs added |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    least = {key: [min(batches) for batches in processes] for key, processes in found.items()}
    middle = {key: [statistics.median(batches) for batches in processes] for key, processes in found.items()}
    for sdk, way, variant in found:
        added = _added(least, sdk, way, variant)
        ratios = ["", ""]
        if variant not in ("bare", "control"):
            for place, floor in enumerate(("floor", "floor+propagation")):
                pairs = zip(added, _added(least, sdk, way, floor), strict=True)
                ratios[place] = f"{statistics.median(ours / floors for ours, floors in pairs):.2f}"
        lines.append(
            f"| {sdk} | {way} | {variant} | {statistics.median(least[sdk, way, variant]):.0f} | "
            f"{statistics.median(added):+.0f} | {ratios[0]} | {ratios[1]} | "
            f"{statistics.median(_added(middle, sdk, way, variant)):+.0f} |"
        )
    return lines


def _added(us: dict[tuple[str, str, str], list[float]], sdk: str, way: str, variant: str) -> list[float]:
    return [one - bare for one, bare in zip(us[sdk, way, variant], us[sdk, way, "bare"], strict=True)]


def versions() -> str:
    """Return the releases that take part, by the lock file's environments."""
    ask = (
        "import importlib.metadata as m; "
        "print(', '.join(f'{n} {m.version(n)}' for n in ('mcp', 'opentelemetry-sdk', 'wrapt', 'pydantic', 'anyio')))"
    )
    told = [
        subprocess.run(
            [str(folder / "bin" / "python"), "-c", ask], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        for folder in ENVIRONMENTS.values()
    ]
    return "; ".join(one.strip() for one in told)


def processor() -> str:
    """Return the processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


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
        chosen = f"--restarts {options.restarts} --rounds {options.rounds} --calls {options.calls}"
        made = (
            f"`python -m bench {chosen} --write`, "
            f"on {datetime.now(timezone.utc):%Y-%m-%d}, Python {platform.python_version()}, {platform.system()} "
            f"{platform.machine()}, {os.cpu_count()} CPUs ({processor()}); {versions()}"
        )
        RESULTS.write_text(HEADER.format(made=made, table=text), "utf-8")


HEADER = """# What a `tools/call` costs

CPU time added to one `tools/call`, client and server together, in one process, over the SDK's in-memory streams (so
that no network hides it). Bytecode is compiled before. Made in one run by

{made}.

All variants on one SDK share a process and a session, and take turns, in shuffled order, at batches of calls:
one after the other (`sequential`), or all of a batch at once (`parallel`). A process's figure is the least of its
batches, which other programs on the machine disturb least; the last column has it by the median of the batches instead.
The table has the median over the processes. `control` is `bare` again: what it adds is the noise of this run. Absolute
figures mean little on another machine, the ratios do.

* `bare`: the SDK alone. mcp 2.x traces through the OpenTelemetry API even then, into nothing.
* `native`: the spans that mcp 2.x makes itself, into a real SDK: no metrics, fewer attributes.
* `floor`: written by hand around call and tool: a span with six attributes and a histogram record a side. On mcp 1.x
  no context travels, so client and server are two traces; mcp 2.x sends the context along by itself.
* `floor+propagation`: the same, with the context in `_meta`, written and read by hand.
* `two records and two dropped spans`: the least of a trace that is not sampled. A histogram record and a `start_span` a
  side, of attributes that are ready; no context in the message, none made current. What it adds is the OpenTelemetry
  SDK's own.
* `ours`: all of it: spans, metrics, propagation, every attribute.
* `ours, not sampled`: the sampler drops every trace (`always_off`). Metrics and propagation stay.
* `ours, SDK disabled`: `OTEL_SDK_DISABLED=true`. `ours, no provider`: nobody has set up an SDK.

{table}
"""

if __name__ == "__main__":
    main()
