"""The site can be made, all links lead somewhere, and the reference says what the code says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.site.hooks import place_of, source_of
from docs.site.reference import PAGES, REFERENCE
from tests.support.processes import ROOT


def _build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--config-file",
        str(config),
        "--site-dir",
        str(site),
    ]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.timeout(300)
def test_the_site_is_made_without_a_warning_and_fetches_nothing(tmp_path: Path) -> None:
    done = _build(ROOT / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 0, done.stderr
    home = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert "OpenTelemetry for Python" in home
    loaded = re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"?(https?:[^\"\s>]+)", home)
    assert loaded == []
    assert (tmp_path / "site" / "repository" / "bench" / "RESULTS.html").exists()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("link", ["nothing.md", "stack.md#nowhere", "../bench/nothing.md", "../nothing"])
def test_a_link_to_nothing_stops_it(link: str, tmp_path: Path) -> None:
    for name in ("docs", "bench", "collector", "deploy", "tests/suites"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("mkdocs.yml", "README.md", "CONTRIBUTING.md", "LICENSE", "otel-config.yaml"):
        shutil.copy(ROOT / file, tmp_path / file)
    (tmp_path / "instrumentation/groundhog_otel").mkdir(parents=True)
    shutil.copy(ROOT / "instrumentation/groundhog_otel/budgets.py", tmp_path / "instrumentation/groundhog_otel")
    page = tmp_path / "docs" / "stack.md"
    page.write_text(f"{page.read_text('utf-8')}\n[there]({link})\n", "utf-8")
    done = _build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 1
    assert link.rsplit("#", maxsplit=1)[-1].rsplit("/", maxsplit=1)[-1] in done.stderr


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_what_the_code_says(name: str) -> None:
    written = (REFERENCE / name).read_text("utf-8").split("\n", 2)[2]
    assert written == PAGES[name]().strip() + "\n", "write it anew with: make docs"


@pytest.mark.parametrize("path", ["README.md", "docs/stack.md", "bench/RESULTS.md", "deploy/sdk", "otel-config.yaml"])
def test_where_a_page_is_kept_says_what_it_is_made_of(path: str) -> None:
    assert source_of(place_of(path)) == path
