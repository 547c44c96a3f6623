"""``python -m bench.store [--write] [--spans N …] [--rounds N] [--note …]``: reading recordings of more and more spans.

Each reading is a process of its own. Its peak memory is that of the process, Python and libraries included.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.store.generate import generate

RESULTS = Path(__file__).parent / "RESULTS.md"
READERS = ("engine", "read_runs")
_HEAD = (
    "| spans | files | reader | load | CPU time | operations | peak memory |",
    "|---:|---:|---|---:|---:|---:|---:|",
)
_PROGRAM = """
import json, resource, sys, time
from pathlib import Path
from groundhog_otel.analysis.operations import operations, operations_of

def used_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

run = Path(sys.argv[2])
if sys.argv[1] == "engine":
    import duckdb
    from groundhog_otel.store.engine import Engine
else:
    from groundhog_otel.store.reader import read_runs
began_s, began_cpu_s = time.perf_counter(), used_s()
loaded = Engine([run]) if sys.argv[1] == "engine" else read_runs([run])
load_s, load_cpu_s = time.perf_counter() - began_s, used_s() - began_cpu_s
began_s = time.perf_counter()
found = operations_of(loaded.operations()) if sys.argv[1] == "engine" else operations(loaded.spans)
asked_s = time.perf_counter() - began_s
peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
print(json.dumps([load_s, load_cpu_s, asked_s, peak_mib, repr(found)]))
if sys.argv[1] == "engine":
    loaded.close()
"""


def read(reader: str, run: Path) -> list[Any]:
    """Return seconds to load, of CPU, and to answer; MiB at the peak; and the answer."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, reader, str(run)], capture_output=True, text=True, check=True, timeout=900
    )
    found: list[Any] = json.loads(done.stdout)
    return found


def rows(folder: Path, spans: int, rounds: int) -> Iterator[str]:
    """Yield the lines of a table for one size."""
    run = generate(folder, spans)
    size_mb = sum(file.stat().st_size for file in run.iterdir()) / 1e6
    taken: dict[str, list[list[Any]]] = {reader: [] for reader in READERS}
    for number in range(rounds):
        for reader in READERS:
            taken[reader].append(read(reader, run))
            print(f"round {number + 1}: {spans} {reader} {taken[reader][-1][:4]}", file=sys.stderr, flush=True)
    answers = {found[4] for rounds_of in taken.values() for found in rounds_of}
    assert len(answers) == 1, "the two do not say the same"
    for reader, found in taken.items():
        load_s, cpu_s, asked_s, peak_mib = (
            statistics.median(column) for column in zip(*(one[:4] for one in found), strict=True)
        )
        yield (
            f"| {spans:,} | {size_mb:,.0f} MB | {reader} | {load_s:.2f} s | {cpu_s:.2f} s | {asked_s:.2f} s "
            f"| {peak_mib:,.0f} MiB |"
        )


def measure(folder: Path, sizes: Sequence[int], rounds: int, note: str) -> Iterator[str]:
    """Yield the lines of RESULTS.md."""
    import duckdb

    yield from ("# What reading a recording takes", "")
    yield (
        f"Made on {datetime.now(timezone.utc):%Y-%m-%d} by `python -m bench.store --write`: {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"DuckDB {duckdb.__version__}. {note}".strip()
    )
    yield ""
    yield (
        "Recordings of an agent and its MCP server, written by the exporter that records (`bench/store/generate.py`: "
        "some 13 spans a trace, six attributes each, in batches of 512). *engine* is `store/engine.py`, with 1 GiB for "
        "its tables, *read_runs* is `store/reader.py`, which makes an object of each span. *operations* is the time of "
        "counts, errors and exact percentiles of every operation; the answers are compared, and are the same. Each "
        f"reading is a process of its own, the two take turns, {rounds} rounds, medians. CPU time is that of the load, "
        "all threads; peak memory is that of the process, Python and libraries included."
    )
    yield ""
    yield from _HEAD
    for size in sizes:
        yield from rows(folder, size, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.store", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write RESULTS.md, not only standard output")
    parser.add_argument("--spans", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--note", default="", help="a sentence on the machine, for RESULTS.md")
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder:
        lines = list(measure(Path(folder), chosen.spans, chosen.rounds, chosen.note))
    print("\n".join(lines))
    if chosen.write:
        RESULTS.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
