"""The committed files are what the code gives, and one command makes them so."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_buckets_that_cannot_be_understood_are_one_line(clone: Path) -> None:
    config = clone / "otel-config.yaml"
    config.write_text(config.read_text("utf-8").replace("buckets: [1ms,", "buckets: [soon,"), "utf-8")
    done = _generate(clone)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "'soon' in otel-config.yaml" in line


def test_every_bucket_is_recorded_in_milliseconds() -> None:
    config = "span_metrics/all:\n  histogram: {explicit: {\n buckets: [16ms, 1s, 2500ms]}}"
    text = jaeger_monitor_rules(config)
    for seconds, milliseconds in (("0.016", "16.0"), ("1.0", "1000.0"), ("2.5", "2500.0"), ("+Inf", "+Inf")):
        assert f'{{le="{seconds}"}})\n        labels: {{ le: "{milliseconds}" }}\n' in text
    assert text.count("record:") == 4
    with pytest.raises(ValueError, match="restore them"):
        jaeger_monitor_rules("connectors: {}")
