"""Instructions per ``tools/call``, counted by callgrind: a figure that no other program on the machine can move.

``python -m bench.instructions [--calls N] [--write]``. Both sides together, in memory, one call after the other. A
processor runs some instructions faster than others, so this is not time; but a change that makes the program do less
shows in it however small it is. ``control`` is ``bare`` again. Needs valgrind.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.__main__ import ENVIRONMENTS, ROOT, versions

__all__ = ("count",)

RESULTS = ROOT / "bench" / "INSTRUCTIONS.md"
VARIANTS = (
    "bare",
    "control",
    "native",
    "floor",
    "floor+propagation",
    "ours",
    "ours, with detail",
    "floor+propagation, not sampled",
    "two records and two dropped spans",
    "ours, not sampled",
    "ours, SDK disabled",
    "ours, no provider",
)


def count(environment: Path, calls: int, names: Sequence[str]) -> dict[str, float]:
    """Return the instructions per call of each of ``names``, which ``bench.counting`` describes.

    Raises ``SystemExit`` when valgrind is missing or fails, with what to do about it.
    """
    with tempfile.TemporaryDirectory() as folder:
        python = str(environment / "bin" / "python")
        command = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out"]
        try:
            done = subprocess.run(
                [*command, python, "-m", "bench.counting", str(calls), *names],
                cwd=ROOT,
                env={**os.environ, "PYTHONWARNINGS": "ignore", "PYTHONHASHSEED": "0", "TMPDIR": folder},
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError:
            raise SystemExit("valgrind is missing: apt install valgrind, or your system's like of it") from None
        counts: dict[str, float] = {}
        for file in Path(folder).glob("out.*"):
            text = file.read_text("utf-8", errors="replace")
            trigger = re.search(r"^desc: Trigger: dump (.*)$", text, re.MULTILINE)
            totals = re.search(r"^totals: (\d+)", text, re.MULTILINE)
            if trigger and totals:
                counts[trigger[1].strip()] = int(totals[1]) / calls
        if done.returncode != 0 or set(counts) != set(names):
            raise SystemExit(f"callgrind did not count {set(names) - set(counts)}:\n{done.stderr[-2000:]}")
    return {name: counts[name] for name in names}


def table(counted: dict[str, dict[str, float]]) -> list[str]:
    lines = [
        "| SDK | variant | instructions per call | added | of floor | of floor+propagation |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for sdk, counts in counted.items():
        for variant, total in counts.items():
            added = total - counts["bare"]
            ratios = ["", ""]
            if variant not in ("bare", "control"):
                ratios = [f"{added / (counts[one] - counts['bare']):.2f}" for one in ("floor", "floor+propagation")]
            lines.append(f"| {sdk} | {variant} | {total:,.0f} | {added:+,.0f} | {ratios[0]} | {ratios[1]} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    options = parser.parse_args()
    counted = {}
    for sdk, environment in ENVIRONMENTS.items():
        names = [name for name in VARIANTS if name != "native" or sdk.startswith("mcp 2")]
        counted[sdk] = count(environment, options.calls, names)
        print(f"{sdk} done", file=sys.stderr, flush=True)
    text = "\n".join(table(counted))
    print(text)
    if options.write:
        made = f"`python -m bench.instructions --calls {options.calls} --write`; {versions()}"
        RESULTS.write_text(
            f"# Instructions per `tools/call`\n\n{__doc__.strip()}\n\nMade by {made}.\n\n{text}\n", "utf-8"
        )


if __name__ == "__main__":
    main()
