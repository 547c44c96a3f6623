"""What the package adds to a program's start and to its memory: ``python -m bench.footprint [--rounds N] [--write]``.

Start: CPU time of ``opentelemetry-instrument python -c pass`` with our instrumentors and with them disabled, in turns;
the least of each. Import: CPU time, within one process that is set up already, of loading our instrumentors and
switching them on, as the launcher does; the control does it with nothing to load. Memory: resident size after 1000
calls over the SDK's in-memory streams, with the OpenTelemetry SDK loaded and set up either way. The second run of
``without`` is the control.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import resource
import statistics
import subprocess
from pathlib import Path

import psutil

from bench.__main__ import ENVIRONMENTS, ROOT, processor

_OURS = "groundhog_mcp,groundhog_resources,groundhog_runtime"
_QUIET = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
_IMPORT = """
import sys, time
from importlib.metadata import entry_points
from opentelemetry.instrumentation.auto_instrumentation import initialize
initialize()
ours = [one for one in entry_points(group="opentelemetry_instrumentor") if one.name in sys.argv[1:]]
before = time.process_time()
for one in ours:
    one.load()().instrument()
print((time.process_time() - before) * 1000)
"""
RESULTS = ROOT / "bench" / "FOOTPRINT.md"


def started_ms(environment: Path, disabled: str) -> float:
    """Return the ms of CPU time that the program took, its children included."""
    environ = {**os.environ, **_QUIET, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": disabled}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [str(environment / "bin" / "opentelemetry-instrument"), str(environment / "bin" / "python"), "-c", "pass"]
    subprocess.run(command, env=environ, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def starts(environment: Path, rounds: int) -> dict[str, list[float]]:
    """Return the ms of each round of each variant."""
    variants = {"without": _OURS, "control": _OURS, "with": ""}
    found: dict[str, list[float]] = {name: [] for name in variants}
    for turn in range(-1, rounds):
        for name, disabled in variants.items():
            ms = started_ms(environment, disabled)
            if turn >= 0:
                found[name].append(ms)
    return found


def imports(environment: Path, rounds: int) -> dict[str, list[float]]:
    """Return the ms of each process of each variant."""
    found: dict[str, list[float]] = {"without": [], "control": [], "with": []}
    environ = {**os.environ, **_QUIET, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": _OURS}
    for _ in range(rounds):
        for name, ms in found.items():
            names = _OURS.split(",") if name == "with" else []
            done = subprocess.run(
                [str(environment / "bin" / "python"), "-W", "ignore", "-c", _IMPORT, *names],
                env=environ, stdout=subprocess.PIPE, text=True, check=True,
            )  # fmt: skip
            ms.append(float(done.stdout))
    return found


async def resident_mb(variant: str) -> float:
    """Return this process's resident megabytes after 1000 calls."""
    from bench.floor import call, server
    from bench.variants import Variants
    from tests.support import sdk

    variants = Variants()
    result_type = sdk.mcp_types().CallToolResult
    async with sdk.in_memory(server(lambda: None)) as session:
        with variants.switched_on(variant):
            for _ in range(1000):
                await call(session, result_type, None)
            return psutil.Process().memory_info().rss / 1e6


def memory(environment: Path, rounds: int) -> dict[str, list[float]]:
    """Return the megabytes of each process of each variant."""
    found: dict[str, list[float]] = {"without": [], "control": [], "with": []}
    for _ in range(rounds):
        for name, sizes in found.items():
            variant = "ours" if name == "with" else "bare"
            done = subprocess.run(
                [str(environment / "bin" / "python"), "-W", "ignore", "-m", "bench.footprint", "--resident", variant],
                cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
            )  # fmt: skip
            sizes.append(float(done.stdout))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    parser.add_argument("--resident", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.resident:
        print(asyncio.run(resident_mb(options.resident)))
        return
    environment = ENVIRONMENTS["mcp 2.3"]
    subprocess.run(
        [str(environment / "bin" / "python"), "-m", "compileall", "-q", str(environment / "lib"), "instrumentation"],
        cwd=ROOT, check=False,
    )  # fmt: skip
    lines = ["| what | without | control | with | added (least) | added (median) |", "|---|---:|---:|---:|---:|---:|"]
    for what, found in (
        ("start, ms of CPU", starts(environment, options.rounds)),
        ("import, ms of CPU", imports(environment, options.rounds)),
        ("memory after 1000 calls, MB", memory(environment, max(3, options.rounds // 5))),
    ):
        least = {name: min(values) for name, values in found.items()}
        middle = statistics.median(found["with"]) - statistics.median(found["without"])
        cells = " | ".join(f"{least[name]:.1f}" for name in ("without", "control", "with"))
        lines.append(f"| {what} | {cells} | {least['with'] - least['without']:+.1f} | {middle:+.1f} |")
    text = "\n".join(lines)
    print(text)
    if options.write:
        made = f"`python -m bench.footprint --rounds {options.rounds} --write`, Python {platform.python_version()}, "
        made += f"{platform.system()}, {os.cpu_count()} CPUs ({processor()})"
        RESULTS.write_text(f"# Start and memory\n\n{__doc__.strip()}\n\nMade by {made}.\n\n{text}\n", "utf-8")


if __name__ == "__main__":
    main()
