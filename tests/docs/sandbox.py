"""A folder in which a page's commands are typed: with the files that the page speaks of, and a server on HTTP."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from docs.site.snippets import snippets
from tests.support.ports import free_ports
from tests.support.processes import HANDSHAKE, ROOT

_NAMES: Final = ("server.py", "my_server.py", "my_mcp_server.py", "my_agent.py")
_CALLS: Final = [
    {"name": "search", "arguments": {"query": "q"}},
    {"name": "search", "arguments": {"query": "r"}},
    {"name": "import_rows", "arguments": {}},
]
_MESSAGES: Final = ".messages"
_CALLS_TAKE_S: Final = 3
_TIMEOUT_S: Final = 120


class Sandbox:
    """The folder, and how commands are changed so that they can be run in it within seconds."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self._replacements: list[tuple[str, str]] = [
            (r"http://(?:127\.0\.0\.1:8000|server:8000)/mcp|\bURL\b", url),
            (r"(--duration|-t) \S+", r"\1 1s"),
            (r"--most \d+", "--most 2"),
            (r"--begin-at \S+", ""),
            (r"groundhog load (?!merge|scale)(?!(?s:.*)--duration)", "groundhog load --duration 1s "),
            (r"--rate \d+/s", "--rate 20/s"),
            (r"\| jq \S+", "| python -m json.tool"),
            (r"\$GITHUB_STEP_SUMMARY", "summary.md"),
            (r"--users \d+", "--users 6"),
        ]
        for name in _NAMES:
            shutil.copy(ROOT / "tests" / "docs" / "served.py", folder / name)
        (folder / "people.csv").write_text("name\nAda\nGrace\n", "utf-8")
        (folder / "numbers.csv").write_text("a\n1\n2\n", "utf-8")
        calls = [
            json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call})
            for number, call in enumerate(_CALLS, 1)
        ]
        (folder / _MESSAGES).write_text(HANDSHAKE + "\n".join(calls) + "\n", "utf-8")
        (scenarios,) = (one for one in snippets("docs/load-scenarios.md") if one.language == "yaml")
        (folder / "browse.yaml").write_text(scenarios.text, "utf-8")

    def replace(self, pattern: str, replacement: str) -> None:
        """Have what a page writes as an example stand for something that is there."""
        self._replacements.append((pattern, replacement))

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Type a command; a server that it starts is sent some calls, and then the end of its input."""
        for pattern, replacement in self._replacements:
            command = re.sub(pattern, replacement, command)
        return subprocess.run(
            ["bash", "-c", f"{{ {command}\n}} < <(cat {_MESSAGES}; sleep {_CALLS_TAKE_S})"],
            cwd=self.folder,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )


@contextmanager
def sandbox(folder: Path) -> Iterator[Sandbox]:
    """Make the folder's content, and serve over HTTP meanwhile."""
    port = free_ports()["otlp_http"]
    made = Sandbox(folder, f"http://127.0.0.1:{port}/mcp")
    with subprocess.Popen([sys.executable, "server.py", str(port)], cwd=folder, env=_environment()) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/")
            yield made
        finally:
            process.terminate()


def _environment() -> dict[str, str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "GROUNDHOG_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
    return {**own, "PATH": path, "PYTHONWARNINGS": "ignore", "COLUMNS": "120"}


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(url, timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"nothing answers at {url}")
