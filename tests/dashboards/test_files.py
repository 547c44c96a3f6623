"""The committed files are what the code gives, and one command makes them so."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from groundhog_otel.dashboards import generated
from groundhog_otel.dashboards.monitor import jaeger_monitor_rules
from tests.dashboards.expressions import FILES, ROOT


def test_the_committed_files_are_what_the_code_gives() -> None:
    found = generated(ROOT)
    assert {file for file in found if file.suffix == ".json"} == set(FILES), "a dashboard nobody generates any more"
    for file, text in found.items():
        assert file.read_text("utf-8") == text, f"{file.name}: run groundhog dashboards generate"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that the command takes for a clone, where the package is not installed from it."""
    (tmp_path / "collector").mkdir()
    for name in ("otel-config.yaml", "collector/builder-config.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "instrumentation", tmp_path / "instrumentation")
    return tmp_path


def _generate(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(clone / 'instrumentation')!r})\n"
    code += "from groundhog_otel.cli import main; main()"
    command = [sys.executable, "-c", code, "dashboards", "generate", *words]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_writes_what_is_missing_and_says_when_nothing_is(clone: Path) -> None:
    assert _generate(clone, "--check").returncode == 1
    assert not (clone / "deploy").exists(), "a check wrote something"
    first = _generate(clone)
    assert first.returncode == 0, first.stderr
    assert first.stdout.count(" written") == len(generated(ROOT))
    for file, text in generated(ROOT).items():
        assert (clone / file.relative_to(ROOT)).read_text("utf-8") == text
    again = _generate(clone, "--check")
    assert (again.returncode, again.stdout) == (0, "Nothing has changed\n")
    (clone / "deploy" / "grafana" / "dashboards" / "mcp.json").write_text("{}")
    changed = _generate(clone, "--check")
    assert changed.returncode == 1
    assert changed.stdout == "deploy/grafana/dashboards/mcp.json is not what the code gives\n"


def test_a_file_that_cannot_be_written_is_one_line(clone: Path) -> None:
    (clone / "deploy").write_text("in the way")
    done = _generate(clone)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert str(clone / "deploy") in line


def test_every_bucket_is_recorded_in_milliseconds() -> None:
    found = {
        (re.findall(r'le="([^"]+)"', rule["expr"])[0], rule["labels"]["le"])
        for rule in yaml.safe_load(jaeger_monitor_rules())["groups"][0]["rules"]
    }
    config = yaml.safe_load((ROOT / "otel-config.yaml").read_text("utf-8"))
    buckets = config["connectors"]["span_metrics/all"]["histogram"]["explicit"]["buckets"]
    assert len(found) == len(buckets) + 1
    assert ("+Inf", "+Inf") in found
    for text in buckets:
        milliseconds = float(text[:-2]) if text.endswith("ms") else float(text[:-1]) * 1000
        assert (str(milliseconds / 1000), str(milliseconds)) in found, text
