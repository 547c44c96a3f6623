"""The one component of the Collector that is ours: its own tests, in Go. What it is for: test_loss.py."""

from __future__ import annotations

import subprocess

import pytest

from groundhog_otel.pipeline.builds import COLLECTOR
from groundhog_otel.pipeline.toolchain import find_go
from groundhog_otel.settings import inherited
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.conftest import say
from tests.support.processes import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.mark.parametrize("check", ["test", "vet"])
def test_ours_passes_what_go_checks(check: str) -> None:
    settings, _ = StackSettings.from_environ()
    command = [str(find_go(ROOT, settings.cache, say)), check, "groundhog-otel.invalid/collector/filestorage"]
    environment = {**inherited(), "CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    done = subprocess.run(
        command, cwd=ROOT / COLLECTOR.folder, env=environment, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
