from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from groundhog_otel.pipeline import StackError
from groundhog_otel.pipeline.configs import write_configs
from groundhog_otel.pipeline.layout import find_project
from groundhog_otel.settings.stack import StackSettings
from groundhog_otel.store.layout import prepare, signal_file
from tests.support.recorded import SERVER, span, traces_line

GROUNDHOG = str(Path(sys.executable).parent / "groundhog")
ROOT = find_project()
FILE = """\
alerts:
  - { name: Slow, metric: mcp.span.duration, by: tool, threshold: 50ms, window: 1h, severity: page, min_count: 10 }
  - { name: Gone, metric: mcp.span.calls, measure: absence, window: 30m, severity: ticket }
"""


def _alerts(*words: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GROUNDHOG_")}
    return subprocess.run(
        [GROUNDHOG, "alerts", *words], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "alerts.yaml"
    found.write_text(FILE)
    return found


def test_the_clones_alerts_are_as_they_should_be() -> None:
    done = _alerts("check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "alerts, as they should be" in done.stdout


def test_all_that_is_wrong_is_said_with_its_line(file: Path) -> None:
    file.write_text(FILE.replace("50ms", "51ms").replace("30m", "1s"))
    done = _alerts("check", str(file))
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith(f"{file}:2: Slow: no bucket of mcp.span.duration ends at 51ms")
    assert second.startswith(f"{file}:3: Gone: ")


def test_it_writes_below_a_folder_and_only_what_has_changed(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "mcp-latency.yml written" in _alerts("generate", str(file), "--out", str(out)).stdout
    assert _alerts("generate", str(file), "--out", str(out)).stdout == "Nothing has changed\n"
    config = out / "otel-config.yaml"
    assert config.read_text("utf-8") == (ROOT / "otel-config.yaml").read_text("utf-8")
    config.write_text(config.read_text("utf-8").replace("check_interval: 500ms", "check_interval: 5s"))
    file.write_text(FILE.replace("50ms", "30ms"))
    assert "otel-config.yaml written" in _alerts("generate", str(file), "--out", str(out)).stdout
    assert "check_interval: 5s" in config.read_text("utf-8"), "what a user has changed besides stays"
    assert "> 30000000" in config.read_text("utf-8")


def test_an_alert_in_words(file: Path) -> None:
    done = _alerts("explain", "Slow", str(file))
    assert done.returncode == 0
    assert "1% may take longer than 50ms" in done.stdout
    assert "Slow:slow_ratio:5m > 0.144" in done.stdout
    assert "less than 10 times in 1h" in done.stdout
    done = _alerts("explain", "Slwo", str(file))
    assert (done.returncode, done.stderr) == (1, "groundhog: there is no alert Slwo: Slow\n")


@pytest.mark.parametrize(("ms", "code"), [(80, 3), (40, 0)])
def test_what_would_have_fired(file: Path, tmp_path: Path, ms: float, code: int) -> None:
    run = prepare(tmp_path / "store", "run-1")
    calls = [span(kind="server", process=SERVER, ms=ms, at_ms=at * 1000, trace=at + 1, own=at + 1) for at in range(20)]
    signal_file(run, service="srv", pid=22, signal="traces").write_text(traces_line(*calls))
    done = _alerts("check", str(file), "--recorded", str(tmp_path / "store"))
    assert (done.returncode, done.stderr) == (code, "")
    assert ("Slow (page) service_name=srv, gen_ai_tool_name=: 100%, budget 50ms" in done.stdout) == (code == 3)
    assert (f"trace {1:032x}" in done.stdout) == (code == 3)
    assert "of 1 alerts that a recording can tell of\nLeft out: Gone" in done.stdout


def test_the_stack_takes_secrets_from_variables(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    receivers = "notifications: { receivers: [{ name: a, webhook: { env: HOOK_OF_MINE } }] }\n"
    file.write_text(receivers + FILE)
    assert _alerts("generate", str(file), "--out", str(out)).returncode == 0
    for path in ("deploy/jaeger/jaeger.yaml", "deploy/jaeger/badger.yaml", "deploy/prometheus/prometheus.yml"):
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text((ROOT / path).read_text("utf-8"), "utf-8")
    settings, _ = StackSettings.from_environ({"HOME": str(tmp_path)})
    with pytest.raises(StackError, match="HOOK_OF_MINE is not set"):
        write_configs(out, settings)
    monkeypatch.setenv("HOOK_OF_MINE", "https://hooks.example.com/secret")
    config = write_configs(out, settings)
    secret = config / "secrets" / "HOOK_OF_MINE"
    assert secret.read_text("utf-8") == "https://hooks.example.com/secret"
    assert secret.stat().st_mode & 0o077 == 0
    text = (config / "alertmanager.yml").read_text("utf-8")
    assert f"url_file: {secret}" in text
    assert "hooks.example.com" not in text
