"""The example of docs/alerts.md, run as it is printed there, and the fields and metrics that it tells of."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

from groundhog_otel.alerts.model import BURN_RATES, AlertConfig, Measure
from groundhog_otel.pipeline.layout import find_project
from groundhog_otel.store.layout import prepare, signal_file
from tests.support.recorded import SERVER, span, traces_line

TEXT = (find_project() / "docs" / "alerts.md").read_text("utf-8")


def test_the_example_runs(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    run = prepare(tmp_path / ".groundhog", "run-1")
    calls = [span(kind="server", process=SERVER, ms=80, at_ms=at, trace=at + 1, own=at + 1) for at in range(80)]
    signal_file(run, service="srv", pid=22, signal="traces").write_text(traces_line(*calls))
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    assert done.stdout.startswith("Slow {'service_name': 'srv'} 1.0 (")


def test_every_field_measure_and_severity_is_told() -> None:
    names = [*(one.name for one in fields(AlertConfig)), *get_args(Measure), *BURN_RATES]
    assert [name for name in names if f"`{name}`" not in TEXT] == []
