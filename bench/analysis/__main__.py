"""``python -m bench.analysis [--write]``: how long an analysis takes, and what memory, by the number of spans."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from tests.support.processes import ROOT

RESULTS = Path(__file__).parent / "RESULTS.md"
SIZES = (10_000, 100_000, 1_000_000)
ABOUT = """# What an analysis takes

{made}

Each size is a process of its own (`bench/analysis/worker.py`), three times, medians. Its spans are made by
`bench/analysis/made.py`: steps of an agent of some twenty spans, in four clients and four servers; in 30 of 100 the
calls are made together, one call in 50 fails and is made again, one in 100 asks its database 15 times. Times are CPU
time of the process (user and system), so that its waits for a CPU do not count; nothing in it waits for anything else.
Memory is the peak of the resident set (`ru_maxrss`): with the spans in memory, before the first detector, and after the
last one. Reading the spans from files comes on top.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="into bench/analysis/RESULTS.md")
    options = parser.parse_args()
    told = {size: [_ask(size) for _ in range(options.rounds)] for size in SIZES}
    machine = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    made = f"{date.today().isoformat()}, Python {machine}. Made by `python -m bench.analysis --write`."
    text = ABOUT.format(made=made) + "\n" + "\n".join(_rows(told)) + "\n"
    if options.write:
        RESULTS.write_text(text, encoding="utf-8")
    print(text)


def _ask(size: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.analysis.worker", str(size)], cwd=ROOT, capture_output=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    print(size, found, file=sys.stderr)
    return found


def _rows(told: dict[int, list[dict[str, Any]]]) -> Iterator[str]:
    yield "| | " + " | ".join(f"{size:,} spans" for size in told) + " |"
    yield "|---|" + "---:|" * len(told)
    yield _row("traces", [f"{one[0]['traces']:,}" for one in told.values()])
    names = list(next(iter(told.values()))[0]["took_s"])
    detectors = list(next(iter(told.values()))[0]["found"])
    for name in detectors:
        yield _row(f"`{name}`, s", [_median_s(one, [name]) for one in told.values()])
    yield _row("**all detectors, s**", [f"**{_median_s(one, detectors)}**" for one in told.values()])
    for name in names[len(detectors) :]:
        yield _row(f"{name}, s", [_median_s(one, [name]) for one in told.values()])
    yield _row("spans in memory, MB", [_median_mb(one, "held_bytes") for one in told.values()])
    yield _row("peak of the analysis, MB", [_median_mb(one, "analyzed_bytes") for one in told.values()])


def _row(name: str, cells: list[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


def _median_s(rounds: list[dict[str, Any]], names: list[str]) -> str:
    return f"{statistics.median(sum(one['took_s'][name] for name in names) for one in rounds):.2f}"


def _median_mb(rounds: list[dict[str, Any]], key: str) -> str:
    return f"{statistics.median(one[key] for one in rounds) / 1e6:,.0f}"


if __name__ == "__main__":
    main()
