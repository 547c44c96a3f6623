"""The floor: our Collector with one exporter more, the one that does nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from groundhog_otel.pipeline.layout import find_project
from groundhog_otel.pipeline.toolchain import find_go
from groundhog_otel.settings.stack import StackSettings

_NOP = "go.opentelemetry.io/collector/exporter/nopexporter"
CONFIG = """\
extensions:
  health_check:
    endpoint: ${env:GROUNDHOG_HEALTH}
receivers:
  otlp:
    protocols:
      http:
        endpoint: ${env:GROUNDHOG_OTLP_HTTP}
exporters:
  nop:
service:
  extensions: [health_check]
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [nop]
"""


def build(folder: Path) -> Path:
    """Build it from the committed sources, into ``folder``. Everything else in it is as in the Collector."""
    project = find_project()
    settings, _ = StackSettings.from_environ()
    go = str(find_go(project, settings.cache, print))
    source = project / "collector" / "groundhog-collector"
    version = re.search(r"go\.opentelemetry\.io/collector/exporter/otlpexporter (\S+)", (source / "go.mod").read_text())
    assert version is not None
    with TemporaryDirectory() as scratch:
        copy = shutil.copytree(source, Path(scratch) / "floor")
        components = copy / "components.go"
        text = components.read_text()
        text = text.replace("import (", f'import (\n\tnopexporter "{_NOP}"', 1)
        opening = "otelcol.MakeFactoryMap[exporter.Factory]("
        text = text.replace(opening, f"{opening}\n\t\tnopexporter.NewFactory(),", 1)
        components.write_text(text)
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
        for command in (
            [go, "get", f"{_NOP}@{version[1]}"],
            [go, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(folder / "floor"), "."],
        ):
            subprocess.run(command, cwd=copy, env=environment, check=True)
    return folder / "floor"
