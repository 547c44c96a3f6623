"""Where each microsecond of an instrumented ``tools/call`` goes: ``python -m bench.breakdown [--calls N] [--write]``.

``--not-sampled`` shows the same of traces that are not sampled.

The parts of ``bench.ablation`` are taken away one after the other, and callgrind counts the instructions that are left.
Instructions become microseconds by the rate at which this machine runs the bare call. Needs valgrind.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from pathlib import Path

from bench.__main__ import ENVIRONMENTS, ROOT, versions
from bench.ablation import PARTS
from bench.instructions import count

__all__ = ("breakdown",)

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- made by bench.breakdown -->", "<!-- end -->"
CONTENDERS = ("floor+propagation", "ours")


def breakdown(environment: Path, calls: int, suffix: str = "") -> dict[str, dict[str, float]]:
    """Return, per contender, the instructions per call of each part; they add up to the row ``all of it``."""
    steps = range(len(PARTS) + 1)
    names = [f"{one}{suffix}:{step}" for one in CONTENDERS for step in steps]
    counts = count(environment, calls, ["bare", *names])
    found: dict[str, dict[str, float]] = {}
    for one in CONTENDERS:
        left = [counts[f"{one}{suffix}:{step}"] for step in steps]
        rows = {name: left[at] - left[at + 1] for at, (name, _) in enumerate(PARTS)}
        rows["its own Python, and what it makes the SDK do"] = left[-1] - counts["bare"]
        rows["all of it"] = left[0] - counts["bare"]
        found[one] = rows
    found["bare"] = {"": counts["bare"]}
    return found


def bare_us(environment: Path) -> float:
    """Return the least µs of CPU time that a bare call takes here."""
    done = subprocess.run(
        [str(environment / "bin" / "python"), "-m", "bench.worker", "60", "50", "bare"],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(min(json.loads(done.stdout)["sequential"]["bare"]))


def table(found: dict[str, dict[str, float]], us: float) -> list[str]:
    rate = us / found["bare"][""]
    lines = [
        "| part | floor: instructions | µs | ours: instructions | µs |",
        "|---|---:|---:|---:|---:|",
    ]
    for part in found["ours"]:
        cells = "".join(f" {found[one][part]:,.0f} | {found[one][part] * rate:.1f} |" for one in CONTENDERS)
        lines.append(f"| {part} |{cells}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.relative_to(ROOT)}")
    how.add_argument("--not-sampled", dest="suffix", action="store_const", const=", not sampled", default="")
    options = parser.parse_args()
    text = ""
    for sdk, environment in ENVIRONMENTS.items():
        found, us = breakdown(environment, options.calls, options.suffix), bare_us(environment)
        text += f"\n**{sdk}** (a bare call: {found['bare']['']:,.0f} instructions, {us:.0f} µs)\n\n"
        text += "\n".join(table(found, us)) + "\n"
    print(text)
    if options.write:
        before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        made = f"Made by `python -m bench.breakdown --calls {options.calls} --write`; {versions()}.\n"
        PAGE.write_text(f"{before}{BEGIN}\n{made}{text}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
