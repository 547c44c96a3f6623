"""``python -m bench.pipeline [--write]``: what the pipeline costs; with ``--loss``: what it loses, in docs/loss.md.

Linux with two cores or more: the Collector has one for itself, the generator another.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.pipeline import alerting, cpu, floor, memory
from bench.pipeline.loss import table as table_of_losses
from groundhog_otel.pipeline.layout import find_project

RESULTS = Path(__file__).parent / "RESULTS.md"
LOSS = find_project() / "docs" / "loss.md"
_LOSS_TABLE = re.compile(r"(<!-- made by bench.pipeline --loss -->\n).*(<!-- end -->)", re.DOTALL)


def measure(scratch: Path, *, rounds: int, for_s: float, alerts: int, note: str) -> Iterator[str]:
    """Yield the lines of RESULTS.md."""
    os.sched_setaffinity(0, cpu.GENERATOR_CORE)
    program, config = floor.build(scratch), scratch / "floor.yaml"
    config.write_text(floor.CONFIG)
    batched = scratch / "batched.yaml"
    batched.write_text(_with_batch((find_project() / "otel-config.yaml").read_text("utf-8")))
    contenders, floors = [], {}
    for load in (cpu.FLOOD, cpu.ALL_SLOW, cpu.TARGET, cpu.AS_EVENTS):
        floors[load.name] = cpu.Contender("floor: OTLP to nothing", load, program, config)
        contenders += [floors[load.name], cpu.Contender("all of otel-config.yaml", load)]
        if load in (cpu.FLOOD, cpu.ALL_SLOW):
            contenders.append(cpu.Contender("the same with a batch before the queue", load, config=batched))
    for number in range(rounds):
        for place, contender in enumerate(contenders):
            contender.run(scratch / f"{number}-{place}", for_s)
            print(f"round {number + 1}: {contender.row(None)}", flush=True)
    yield from _head(rounds, for_s, note)
    yield from cpu.HEAD
    for contender in contenders:
        is_floor = contender is floors[contender.load.name]
        yield contender.row(None if is_floor else floors[contender.load.name])
    yield from ("", "## Memory of undecided traces", "", *memory.HEAD)
    for spans in (1, 3):
        yield from memory.rows(scratch / f"memory-{spans}", spans)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))  # the four programs and the caller share the machine
    found = [alerting.run(scratch / f"alerting-{number}") for number in range(alerts)]
    yield from ("", "## Seconds from the first slow call to the webhook", "")
    yield from _way(found)


def _with_batch(text: str) -> str:
    """Return the configuration with what it leaves out: 200 ms of kept spans held in memory before the queue."""
    changed = text.replace("\nprocessors:\n", "\nprocessors:\n  batch:\n    timeout: 200ms\n")
    changed = changed.replace("receivers: [forward/kept]\n", "receivers: [forward/kept]\n      processors: [batch]\n")
    assert changed.count("batch]") == 1, "otel-config.yaml has another form"
    return changed


def _head(rounds: int, for_s: float, note: str) -> Iterator[str]:
    yield "# What the pipeline costs"
    yield ""
    yield (
        f"Made on {datetime.now(timezone.utc):%Y-%m-%d} by `python -m bench.pipeline --write`: {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, Collector components "
        f"{_components()}. {note}".strip()
    )
    yield ""
    yield (
        "The Collector runs on one core with GOMAXPROCS=1, the generator on the other. Requests are pre-encoded "
        "OTLP/HTTP protobuf on one connection per load, 300 or 500 spans each, every request with fresh trace ids; "
        "3 % of the traces are over their budget and kept, and 1 % of the rest. Kept traces go to a counting OTLP "
        "receiver in place of Jaeger. Memory limit 4,000 MiB, so that nothing is refused. The floor is the same "
        "Collector, built with the exporter that does nothing: receive, decode, answer. Floor and pipeline take turns: "
        f"{rounds} rounds of {for_s:.0f} s each after a warm-up of 2 s; medians, and the median of the rounds' ratios. "
        "CPU is that of the Collector's process, in user and kernel mode. One connection waits for each answer, so the "
        "Collector is never saturated: spans per core-second is what its CPU time would be enough for."
    )
    yield ""


def _components() -> str:
    mod = (find_project() / "collector" / "groundhog-collector" / "go.mod").read_text()
    found = re.search(r"exporter/otlpexporter (\S+)", mod)
    return found[1] if found else "unknown"


def _way(found: list[list[float]]) -> Iterator[str]:
    yield (
        f"`groundhog stack` as it comes: SDK batches every 5 s, flush, scrape and evaluation every 5 s, group_wait of "
        f"deploy/alertmanager. {len(found)} runs; a tool that took 5 ms takes 80 ms from one moment on."
    )
    yield ""
    yield "| station | median, s after the first slow call | most | its own share, median |"
    yield "|---|---:|---:|---:|"
    for place, station in enumerate(alerting.STATIONS):
        at = [one[place] for one in found]
        own = [one[place] - (one[place - 1] if place else 0.0) for one in found]
        yield f"| {station} | {statistics.median(at):.1f} | {max(at):.1f} | {statistics.median(own):.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the committed table")
    parser.add_argument("--loss", action="store_true", help="the experiments of what is lost, in their long form")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each round")
    parser.add_argument("--alerts", type=int, default=3, help="how often the way to the webhook is measured")
    parser.add_argument("--note", default="", help="what has to be said about the machine")
    asked = parser.parse_args()
    with TemporaryDirectory() as folder:
        if asked.loss:
            lines = list(table_of_losses(Path(folder), asked.note))
        else:
            given = {"rounds": asked.rounds, "for_s": asked.seconds, "alerts": asked.alerts, "note": asked.note}
            lines = list(measure(Path(folder), **given))
    text = "\n".join(lines) + "\n"
    print(text)
    if asked.write and asked.loss:
        LOSS.write_text(_LOSS_TABLE.sub(lambda found: found[1] + text + found[2], LOSS.read_text("utf-8")), "utf-8")
    elif asked.write:
        RESULTS.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
