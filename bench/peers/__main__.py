"""Makes an environment per peer, probes it, times it, and writes the table.

``python -m bench.peers``, or ``make bench-peers``.
``--rounds N --calls N`` set the effort, ``--only NAME...`` picks peers, ``--write`` writes bench/peers/RESULTS.md. The
environments are kept in the user's cache directory; their requirements are the text files beside this one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from bench.__main__ import ENVIRONMENTS, ROOT
from groundhog_otel.settings.stack import StackSettings

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
UV = ROOT / ".venv-uv" / "bin" / "uv"
SDKS = {"mcp 2.3": "mcp==2.3.0", "mcp 1.30": "mcp==1.30.0"}
OWN_SDK = ("fastmcp3", "fastmcp4")
FLOORS = ("bare", "control", "floor", "floor+propagation")
TESTED = (
    "mcp.method.name", "gen_ai.tool.name", "jsonrpc.request.id", "mcp.protocol.version",
    "error.type, tool", "error.type, JSON-RPC",
)  # fmt: skip


def environments() -> list[tuple[str, str, Path]]:
    """Return peer, SDK and environment of every run; those of the lock file first."""
    cache = StackSettings.from_environ()[0].cache / "bench"
    runs = [("groundhog", sdk, folder) for sdk, folder in ENVIRONMENTS.items()]
    runs.append(("native", "mcp 2.3", ENVIRONMENTS["mcp 2.3"]))
    for file in sorted(HERE.glob("*.txt")):
        sdks = (file.stem,) if file.stem in OWN_SDK else tuple(SDKS)
        runs += [(file.stem, sdk, cache / f"{file.stem}-{sdk.replace(' ', '')}") for sdk in sdks]
    return runs


def make(peer: str, sdk: str, folder: Path) -> str | None:
    """Make one environment; return the message when the peer cannot be installed."""
    if (folder / "ready").exists() or folder in ENVIRONMENTS.values():
        return None
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_LINK_MODE": "copy"}
    python = str(folder / "bin" / "python")
    wanted = ["-r", str(HERE / f"{peer}.txt"), *([SDKS[sdk]] if sdk in SDKS else [])]
    for command in (
        [str(UV), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [str(UV), "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *wanted],
    ):
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return done.stderr.strip().splitlines()[-1]
    (folder / "ready").touch()
    return None


def _environ() -> dict[str, str]:
    path = os.pathsep.join((str(ROOT), str(ROOT / "instrumentation")))
    return {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}


def probed(peer: str, folder: Path) -> dict[str, Any]:
    """Return what the probe found, or the last line of what it died of, under ``crash``."""
    done = subprocess.run(
        [str(folder / "bin" / "python"), "-m", "bench.peers.probe", peer],
        cwd=ROOT, env=_environ(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        return {"crash": (done.stderr.strip().splitlines() or ["no message"])[-1][:300].replace(str(folder), "…")}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


class Worker:
    """A process that times batches."""

    def __init__(self, peer: str, folder: Path, *, fastmcp: bool) -> None:
        self._process = subprocess.Popen(
            [str(folder / "bin" / "python"), "-m", "bench.peers.worker", peer, "fastmcp" if fastmcp else "mcp"],
            cwd=ROOT, env=_environ(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def batch(self, variant: str, calls: int) -> float:
        """Return the µs per call of one batch; raises ``RuntimeError`` when the process has died."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        try:
            print(variant, calls, file=asked, flush=True)
        except BrokenPipeError:
            raise RuntimeError(f"{variant} died") from None
        return _answer(answers, variant)

    def close(self) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has died already, which batch() has said
            self._process.stdin.close()
        self._process.wait(30)


def _answer(answers: IO[str], variant: str) -> float:
    for line in answers:
        if line.startswith("= "):
            return float(line[2:])
    raise RuntimeError(f"{variant} died")


def timed(peer: str, folder: Path, rounds: int, calls: int) -> dict[str, float]:
    """Return the least µs per call of every variant; a process with the peer and one without take turns."""
    fastmcp = peer in OWN_SDK
    plain, watched = Worker("none", folder, fastmcp=fastmcp), Worker(peer, folder, fastmcp=fastmcp)
    found: dict[str, list[float]] = {name: [] for name in (*FLOORS, "peer")}
    try:
        for turn in range(-1, rounds):
            for variant, batches in found.items():
                us = (watched if variant == "peer" else plain).batch(variant, calls)
                if turn >= 0:  # the first round warms up
                    batches.append(us)
    finally:
        plain.close()
        watched.close()
    return {variant: min(batches) for variant, batches in found.items()}


def row(peer: str, sdk: str, version: str, probe: dict[str, Any], us: dict[str, float]) -> str:
    if "crash" in probe:
        return f"| {peer} {version} | {sdk} | {' | '.join([''] * 13)} | `{probe['crash']}` |"
    cells = [
        f"{probe['client spans']}+{probe['server spans']} of {probe['spans']}",
        "yes" if probe["child"] else "no",
        *(probe[name] or "-" for name in TESTED),
        str(len(probe["metrics"])),
        ", ".join(probe["leaks"]) or "nothing",
        "; ".join(f"`{one}`" for one in probe["changed"]) or "no",
    ]
    if not us:
        cells += ["not timed", ""]
    else:
        added = us["peer"] - us["bare"]
        cells += [
            f"{added:+.0f} ({us['control'] - us['bare']:+.0f})",
            f"{added / (us['floor+propagation'] - us['bare']):.2f}",
        ]
    return f"| {peer} {version} | {sdk} | {' | '.join(cells)} | |"


def version_of(peer: str, folder: Path) -> str:
    """Return the release of what is measured."""
    names = {
        "groundhog": "groundhog-otel", "native": "mcp", "fastmcp3": "fastmcp", "fastmcp4": "fastmcp",
        "traceloop": "opentelemetry-instrumentation-mcp", "openinference": "openinference-instrumentation-mcp",
        "adot": "aws-opentelemetry-distro", "sentry": "sentry-sdk",
    }  # fmt: skip
    ask = f"import importlib.metadata as m; print(m.version({names.get(peer, peer)!r}))"
    done = subprocess.run([str(folder / "bin" / "python"), "-c", ask], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    options = parser.parse_args()
    rows = []
    for peer, sdk, folder in environments():
        if options.only and peer not in options.only:
            continue
        us: dict[str, float] = {}
        problem = make(peer, sdk, folder)
        probe = {"crash": problem} if problem else probed(peer, folder)
        if "crash" not in probe:
            try:
                us = timed(peer, folder, options.rounds, options.calls)
            except RuntimeError as exc:
                print(f"{peer} on {sdk}: {exc}", file=sys.stderr)
        rows.append(row(peer, sdk, version_of(peer, folder), probe, us))
        print(rows[-1], flush=True)
    if options.write:
        command = f"python -m bench.peers --rounds {options.rounds} --calls {options.calls} --write"
        today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
        RESULTS.write_text(HEADER.format(command=command, today=today, head=HEAD, rows="\n".join(rows)), "utf-8")


COLUMNS = (
    "instrumentation", "SDK", "spans", "child", "method", "tool", "request id", "protocol version",
    "error.type, tool", "error.type, JSON-RPC", "metrics", "leaks", "changed", "µs added", "of floor", "crash",
)  # fmt: skip
HEAD = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"
HEADER = """# Instrumentations of MCP side by side

Made by `{command}` on {today}. Each peer has an environment of its own (requirements beside this file) and is switched
on as its documentation says, with its defaults. Correctness is read off the spans and metrics of real calls over
streamable HTTP on loopback (FastMCP: in memory): one that succeeds, one whose tool raises, one that the protocol
refuses.
Cost is CPU time added to a `tools/call` of the high-level API, in memory, both sides together: the least of interleaved
batches, over a process of the same environment without the peer; in brackets what a second run of that adds, the noise.

* On mcp 2.x the SDK's own spans (row `native`) are recorded beside whatever a peer adds, where it adds anything.
* spans: client + server, of all that the call made. Child: the server's span is the client span's child.
* C and S: the attribute is on a client's, on a server's span. By the conventions `error.type` of a refused request (the
  client's mistake) belongs on the client's span alone.
* metrics: how many of the conventions' `mcp.*` metrics were recorded.
* leaks: whether a marker in arguments, result or exception text turned up in a span by default.
* changed: whether the program got another result or exception than without.
* of floor: against spans, metrics and propagation written by hand, in the same environment.

{head}
{rows}
"""

if __name__ == "__main__":
    main()
