"""Whatever a page tells a reader to type, or to write into a file, works; what is not run here says why."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from docs.site.snippets import Snippet, pages, snippets
from groundhog_otel.catalogue import nearest
from tests.dashboards.expressions import metrics_in
from tests.docs.sandbox import Sandbox, sandbox

NOT_TYPED = {
    r"^pip install ": "an installed package is what the tests begin with; tests/packaging installs one",
    r"^make ": "the targets are what runs the tests; CONTRIBUTING.md's are those",
    r"stack (up|down|status)|^groundhog replay|^curl ": "tests/e2e: test_stack, test_replay, test_dashboards",
    r"^groundhog alerts relay": "serves until it is stopped: tests/e2e/test_alerts.py",
    r"^docker |^kubectl |^vi |^cd deploy|^sed -i": "a cluster: tests/deploy checks its files",
    r"^locust ": "tests/load/test_locust.py",
    r"^opentelemetry-instrument fastmcp run|instrument python client": "tests/fastmcp, tests/mcp/test_stdio.py",
    r"groundhog-collector --config": "tests/e2e/test_filestorage.py and test_collector.py run every overlay",
    r"^go tool ": "needs Go; tests/profiling/formats reads the same files",
    r"^groundhog (health|top) 4711|^curl -s localhost:9464": "tests/monitor: test_processes, test_top",
    r"^groundhog optimize -- ": "minutes of load: tests/optimizer, with real servers",
    r"^groundhog profile attach 4711": "tests/cli/test_profile_attach.py",
    r"^export ": "sets a variable",
}
"""Commands, and where else they are run, or why nowhere."""
NOT_RUN = {"docs/optimize.md": "minutes of load: tests/optimizer does it"}
"""Pages whose Python is only compiled."""
OWN = ("docs/tutorial.md",)
"""Followed from beginning to end by a test of its own."""
PAGES = [page for page in pages() if page not in OWN and any(True for _ in snippets(page))]
PRELUDES = {
    "README.md": "import os\nfrom mcp import StdioServerParameters",
    "docs/runtime.md": "from opentelemetry.sdk.metrics import MeterProvider",
}
SDK = """
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
metrics.set_meter_provider(MeterProvider())
"""
CALLS = (
    SDK
    + """
import anyio
from mcp import Client
from groundhog_otel.mcp import McpInstrumentor as _Instrumentor
from server import server as _server
_Instrumentor().instrument()

async def _session():
    async with Client(_server) as client:
        for _ in range(5):
            await client.call_tool("search", {"query": "q"})

def calls():
    anyio.run(_session)
"""
)
SESSION = """
import pytest
from mcp import Client
from server import server as _server

pytestmark = pytest.mark.anyio

@pytest.fixture
async def session():
    async with Client(_server) as client:
        yield client
"""
TRACE = """
from groundhog_otel.store.model import Process, Span, Trace
trace = Trace("1" * 32, (Span("1" * 32, "2" * 16, None, "tools/call add", "server", 1, 9, Process("library")),))
"""
PRELUDES |= {"docs/monitor.md": SESSION, "docs/analyze.md": TRACE}
PRELUDES |= {"docs/processes.md": SDK, "docs/profile.md": CALLS, "docs/profile-memory.md": CALLS}
"""What Python blocks of a page need besides."""
ELLIPSES = {
    '{"q": "otter"})\n    assert latency < COMMAND': '{"query": "otter"})\n    assert latency < 60.0',
    "...  # the server answers calls": "calls()",
    "=...,": "=None,",
    "=...)": "=None)",
    "[…]": "[]",
}
SERVED = re.compile(r"http://127\.0\.0\.1:8000/mcp")
LANGUAGES = {"console", "sh", "python", "yaml", "json", "promql", "dockerfile", "toml", "diff", "text"}


def _of(language: str) -> list[str]:
    return [page for page in PAGES if any(one.language == language for one in snippets(page))]


def _blocks(page: str, *languages: str) -> Iterator[Snippet]:
    return (one for one in snippets(page) if one.language in languages)


def _typed(command: str) -> bool:
    return not any(re.search(pattern, command) for pattern in NOT_TYPED)


def test_every_block_says_what_it_is() -> None:
    assert [str(one) for page in PAGES for one in snippets(page) if one.language not in LANGUAGES] == []


def test_what_is_not_typed_is_still_there_to_be() -> None:
    commands = [command for page in PAGES for one in _blocks(page, "console", "sh") for command in one.commands()]
    assert [pattern for pattern in NOT_TYPED if not any(re.search(pattern, one) for one in commands)] == []


def _prepare(page: str, box: Sandbox) -> None:
    """Make what a page's commands take for granted: recordings, profiles, parts of a test."""
    if "merge" in (text := " ".join(one.text for one in _blocks(page, "console"))):
        for part in (1, 2, 3):
            options = (
                f"--rate 20/s --duration 1s --users 3 --run-id p --worker {part}/3 --out part-{part}.json --seed 7"
            )
            assert box.run(f"groundhog load URL {options}").returncode == 0
        box.run("mkdir -p groundhog-load && cp part-*.json groundhog-load")
    if "groundhog replay" in text or "groundhog profile" in text or "groundhog report" in text:
        for _ in range(2):
            done = box.run("groundhog profile cpu -- python server.py")
            assert done.returncode == 0, done.stderr
    profiles = sorted((box.folder / ".groundhog").glob("*/*.profile.jsonl"))
    if profiles:
        ids = [file.name.split(".")[-3] for file in profiles]
        spans = [line for line in profiles[-1].read_text("utf-8").splitlines() if '"search"' in line]
        trace, span = re.search(r'"([0-9a-f]{32})", ?"([0-9a-f]{16})"', "\n".join(spans)).groups()  # type: ignore[union-attr]
        box.replace("b7ad6b7169203331", span)
        box.replace("0af7651916cd43dd8448eb211c80319c", trace)
        box.replace("0123456789abcdef0123456789abcdef", ids[-1])
        box.replace("BEFORE AFTER", f"{ids[0]} {ids[-1]}")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", _of("console") + _of("sh"))
def test_commands_work_as_they_are_written(page: str, tmp_path: Path) -> None:
    blocks = [[command for command in one.commands() if _typed(command)] for one in _blocks(page, "console", "sh")]
    if not any(blocks):
        pytest.skip("none of this page's is typed here")
    with sandbox(tmp_path) as box:
        _prepare(page, box)
        for command in (command for block in blocks for command in block):
            done = box.run(command)
            # 3 and 4 are what a load test says of this small server, 1 what the doctor says when there is no Collector.
            accepted = {0, 3, 4} if "groundhog load" in command else {0, 1} if "doctor" in command else {0}
            assert done.returncode in accepted, f"{page}: {command}\n{done.stdout}\n{done.stderr}"
            assert "Traceback" not in done.stderr, f"{page}: {command}\n{done.stderr}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", _of("python"))
def test_python_works_as_it_is_written(page: str, tmp_path: Path) -> None:
    for one in _blocks(page, "python"):
        if one.title is not None:
            (tmp_path / one.title).write_text(one.text, "utf-8")
    blocks = [one.text for one in _blocks(page, "python") if one.title is None]
    program = "\n\n".join([PRELUDES.get(page, ""), *blocks])
    for written, meant in ELLIPSES.items():
        program = program.replace(written, meant)
    compile(program, page, "exec")
    if page in NOT_RUN:
        pytest.skip(NOT_RUN[page])
    (tmp_path / ".groundhog" / "run").mkdir(parents=True)
    (tmp_path / ".groundhog" / "run" / "run.json").write_text("{}")
    with sandbox(tmp_path) as box:
        program = SERVED.sub(box.url, program).replace("duration=60", "duration=1")
        (tmp_path / "test_page.py").write_text(program, "utf-8")
        runner = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if "def test_" in program else []
        done = subprocess.run(
            [sys.executable, *(runner or ["-W", "error"]), "test_page.py"],
            cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
    assert done.returncode == 0, f"{page}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("page", _of("yaml") + _of("json"))
def test_files_are_what_they_are_said_to_be(page: str, tmp_path: Path) -> None:
    for one in _blocks(page, "yaml"):
        found = yaml.safe_load(one.text)
        assert isinstance(found, dict), one
        if "alerts" in found or "notifications" in found:
            written = {"alerts": [], **found}
            (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(written), "utf-8")
    for one in _blocks(page, "json"):
        assert json.loads(one.text), one


@pytest.mark.parametrize("page", _of("promql"))
def test_queries_ask_for_metrics_that_there_are(page: str) -> None:
    names = {name for one in _blocks(page, "promql") for name in metrics_in(re.sub(r"#.*", "", one.text))}
    assert names
    assert {name for name in names if not nearest(name)} == set()
