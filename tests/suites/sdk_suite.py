"""Run the test suites of the SDK and of FastMCP, bare and instrumented, and compare test by test.

``python -m tests.suites.sdk_suite mcp2``: the suite comes from the source distribution, pinned by its hash and kept in
the cache; it runs in ``.venv-suite-mcp2``. Exits 1 when a test differs that ``expected.py`` does not explain.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from groundhog_otel.settings.stack import StackSettings
from tests.suites.expected import reason

ROOT = Path(__file__).parents[2]
CACHE = StackSettings.from_environ()[0].cache / "suites"
TIMEOUT_S = 1800
TRIES = 3


@dataclass(frozen=True)
class Suite:
    """Another project's tests, and how it wants them to be run."""

    requirement: str
    sha256: str
    arguments: tuple[str, ...] = ()
    path: tuple[str, ...] = ()


SUITES = {
    "mcp2": Suite(
        "mcp==2.3.0",
        "8b147a50441cf059dc88c684e0aeed3687f0aa0f39c6cde7b90330effd2b34d8",
        ("--ignore=tests/docs",),  # tests of the tool that builds the SDK's web site
        ("examples",),
    ),
    "mcp1": Suite("mcp==1.30.0", "445414625fce5c295faa505bb11bacece661ab6f4028d57c935db57820b7a3e4"),
    "fastmcp4": Suite(
        "fastmcp==4.1.2",
        "1b70a8467ac4dd6416c7c101cd54562f089b55e6636a196b4a20bdac3ccb0284",
        # Whatever needs another company's SDK, Node or a network stays out; a slow machine is not a failed test.
        ("-m", "not integration and not conformance", "--continue-on-collection-errors", "--timeout=60"),
        ("fastmcp_slim", "fastmcp_remote", "fastmcp_tasks"),
    ),
}

MODES: dict[str, dict[str, str]] = {
    "bare": {},
    # Spans and metrics of every operation, and nothing of them in the messages.
    "spans": {"GROUNDHOG_SUITE_INSTRUMENT": "1", "OTEL_PROPAGATORS": "none"},
    # As installed: the trace context travels in params._meta.
    "default": {"GROUNDHOG_SUITE_INSTRUMENT": "1"},
    # The SDK's own spans stay, and ours are metrics only.
    "keep": {"GROUNDHOG_SUITE_INSTRUMENT": "1", "OTEL_PYTHON_MCP_NATIVE_SPANS": "keep"},
}


@dataclass
class Run:
    """What one run of a suite had to say."""

    outcomes: dict[str, str]
    messages: dict[str, str]
    spans: int
    measured: int
    seconds: float

    def count(self, outcome: str) -> int:
        """Return how many tests ended so."""
        return list(self.outcomes.values()).count(outcome)


def sources(suite: Suite) -> Path:
    """Download the suite, unless it is there already, and return its folder."""
    folder = CACHE / suite.requirement.replace("==", "-")
    if folder.exists():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    wanted = CACHE / f"{folder.name}.txt"
    wanted.write_text(f"{suite.requirement} --hash=sha256:{suite.sha256}\n", encoding="utf-8")
    pip = [str(ROOT / ".venv-uv/bin/python"), "-m", "pip", "--quiet", "download", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "--require-hashes", "--dest", str(CACHE), "-r", str(wanted)], check=True, timeout=600)
    with tarfile.open(CACHE / f"{folder.name}.tar.gz") as archive:
        archive.extractall(CACHE, filter="data")
    return folder


def run(name: str, mode: str, tests: list[str], workers: int, *, instrumented: bool = True) -> Run:
    """Run a suite, or some tests of it, in one mode; or in the environment of that mode, but bare."""
    suite = SUITES[name]
    folder = sources(suite)
    report = CACHE / "reports" / f"{name}-{mode}.json"
    report.parent.mkdir(exist_ok=True)
    for old in report.parent.glob(f"{report.stem}.*"):
        old.unlink()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "GROUNDHOG_"))}
    path = [str(ROOT / "tests/suites"), *(str(folder / part) for part in suite.path)]
    chosen = {key: value for key, value in MODES[mode].items() if instrumented or key.startswith("OTEL_")}
    environ = {**inherited, **chosen, "PYTHONPATH": os.pathsep.join(path), "GROUNDHOG_SUITE_REPORT": str(report)}
    environ["PATH"] = os.pathsep.join((str(ROOT / f".venv-suite-{name}/bin"), environ["PATH"]))
    command = [str(ROOT / f".venv-suite-{name}/bin/python"), "-m", "pytest", "-p", "groundhog_suite_plugin"]
    command += [
        "-vv",
        "--color=no",
        "-p",
        "no:cacheprovider",
        "-o",
        "log_cli=false",
        "-n",
        str(workers),
        *suite.arguments,
    ]
    started = monotonic()
    with report.with_suffix(".log").open("wb") as log:
        subprocess.run(
            [*command, *(tests or ["tests"])],
            check=False,
            cwd=folder,
            env=environ,
            stdout=log,
            stderr=log,
            timeout=TIMEOUT_S,
        )
    seconds = monotonic() - started
    if not report.exists():
        sys.exit(f"The suite did not get as far as a result: read {report.with_suffix('.log')}.")
    found = json.loads(report.read_text(encoding="utf-8"))
    made = [
        json.loads(part.read_text())
        for part in report.parent.glob(f"{report.stem}.*")
        if part.suffix[1:3] in ("gw", "ma")
    ]
    return Run(
        found["outcomes"],
        found["messages"],
        sum(part["spans"] for part in made),
        sum(part["measured"] for part in made),
        seconds,
    )


def different(bare: Run, other: Run) -> list[str]:
    """Return the tests whose outcomes are not the same."""
    names = bare.outcomes.keys() | other.outcomes.keys()
    return sorted(name for name in names if bare.outcomes.get(name) != other.outcomes.get(name))


def confirmed(name: str, mode: str, tests: list[str]) -> dict[str, str]:
    """Run the tests that differ again, alone, each way: what never happened bare is a difference; the rest is noise.

    Bare has the mode's environment here: what ``OTEL_PROPAGATORS`` does to a framework's own telemetry is not ours.
    """
    if not tests:
        return {}
    bare = [run(name, mode, tests, 0, instrumented=False) for _ in range(TRIES)]
    other = [run(name, mode, tests, 0) for _ in range(TRIES)]
    found = {}
    for test in tests:
        seen = {attempt.outcomes.get(test) for attempt in bare}
        worse = [attempt for attempt in other if attempt.outcomes.get(test) not in seen]
        if worse:
            found[test] = worse[0].messages.get(test, "not run")
    return found


def main() -> int:
    """Compare every mode with the bare run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", choices=SUITES)
    parser.add_argument("--mode", action="append", choices=[mode for mode in MODES if mode != "bare"])
    parser.add_argument("--workers", type=int, default=2, help="processes to share the tests (default: 2)")
    options = parser.parse_args()
    print("| suite | mode | passed | failed | errors | skipped | spans | measured | differ | explained | s |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    bare = run(options.suite, "bare", [], options.workers)
    requirement = SUITES[options.suite].requirement
    show = [bare.count(outcome) for outcome in ("passed", "failed", "error", "skipped")]
    print(
        f"| {requirement} | bare |",
        *(f"{number} |" for number in show),
        f"0 | 0 | | | {bare.seconds:.0f} |",
        flush=True,
    )
    problems = 0
    details = []
    for mode in options.mode or [mode for mode in MODES if mode != "bare"]:
        other = run(options.suite, mode, [], options.workers)
        differences = confirmed(options.suite, mode, different(bare, other))
        reasons = {test: reason(options.suite, mode, test, why) for test, why in differences.items()}
        unexplained = [test for test, reason in reasons.items() if reason is None]
        show = [other.count(outcome) for outcome in ("passed", "failed", "error", "skipped")]
        show += [other.spans, other.measured, len(differences), len(differences) - len(unexplained)]
        print(f"| {requirement} | {mode} |", *(f"{number} |" for number in show), f"{other.seconds:.0f} |", flush=True)
        if not other.measured:
            details.append(f"{mode}: nothing was measured, so nothing was instrumented")
        kept = CACHE / "reports" / f"differences-{options.suite}-{mode}.json"
        kept.write_text(json.dumps(differences, indent=1), encoding="utf-8")
        details += [f"{mode}: {test}\n{differences[test][-600:]}" for test in unexplained]
        problems += len(unexplained) + (not other.measured)
    print("\n" + "\n\n".join(details) if details else "\nNo unexplained difference.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
