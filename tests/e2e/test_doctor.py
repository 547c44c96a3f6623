"""What ``groundhog doctor`` says of the real Collector."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import RunningStack

pytestmark = pytest.mark.e2e

GROUNDHOG = str(Path(sys.executable).parent / "groundhog")


@pytest.mark.parametrize(
    ("port", "protocol", "says", "fix"),
    [
        ("otlp_grpc", "grpc", "over grpc, which takes them", ""),
        ("otlp_http", "http/protobuf", "over http/protobuf, which takes them", ""),
        ("otlp_grpc", "http/protobuf", "speaks gRPC, not HTTP", "set OTEL_EXPORTER_OTLP_PROTOCOL=grpc"),
        ("otlp_http", "grpc", "speaks HTTP, not gRPC", "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"),
        ("collector_health", "http/protobuf", "which takes", "Set OTEL_EXPORTER_OTLP_ENDPOINT to an OTLP receiver"),
    ],
)
def test_the_collector_is_told_by_port_and_protocol(
    running_stack: RunningStack, port: str, protocol: str, says: str, fix: str
) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    endpoint = f"http://127.0.0.1:{running_stack.ports[port]}"
    done = subprocess.run(
        [GROUNDHOG, "doctor"],
        env={**kept, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert done.returncode == bool(fix), done.stdout
    assert says in done.stdout
    assert fix in done.stdout
