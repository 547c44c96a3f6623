"""What an SDK cannot deliver it counts: no span that was made is neither at the Collector nor in a count."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.conftest import eventually
from tests.support.pipeline.collector import Collector
from tests.support.pipeline.kills import alone
from tests.support.pipeline.sink import Sink

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PROGRAM = """
import sys
from opentelemetry import metrics, trace

def make(count):
    for _ in range(count):
        span = trace.get_tracer("drops").start_span("work")
        span.set_status(trace.StatusCode.ERROR)  # kept, whatever the share of the rest
        span.end()

make(int(sys.argv[1]))
print("made", flush=True)
sys.stdin.readline()
trace.get_tracer_provider().force_flush()
make(10)
trace.get_tracer_provider().force_flush()
metrics.get_meter_provider().force_flush()
print("flushed", flush=True)
sys.stdin.readline()
"""
MADE, QUEUE, BATCH = 1000, 50, 10


def test_an_sdk_without_a_collector_counts_what_it_drops(tmp_path: Path) -> None:
    sink = Sink()
    with alone(tmp_path, sink) as collector:
        collector.stop()
        environment = {
            **os.environ,
            "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true",
            "OTEL_SERVICE_NAME": "drops",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.grpc_port}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "3",
            "OTEL_BSP_MAX_QUEUE_SIZE": str(QUEUE),
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": str(BATCH),
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "OTEL_LOGS_EXPORTER": "none",
        }
        command = [str(Path(sys.executable).parent / "opentelemetry-instrument"), sys.executable, "-c", PROGRAM]
        with subprocess.Popen(
            [*command, str(MADE)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as program:
            assert program.stdin is not None
            assert program.stdout is not None
            assert program.stdout.readline() == "made\n"
            collector.start()
            program.stdin.write("\n")
            program.stdin.flush()
            assert program.stdout.readline() == "flushed\n"
            dropped, counted = eventually(
                partial(_all_counted, collector, sink), within_s=30, what="the SDK's own counts"
            )
            program.stdin.write("\n")
            program.stdin.flush()
    sink.leave()
    assert dropped >= MADE - QUEUE - 2 * BATCH
    # The SDK finds its queue full, counts a drop, then appends: where a batch left in between, nothing was dropped.
    assert counted - (MADE + 10) <= (counted - dropped) // BATCH


def _all_counted(collector: Collector, sink: Sink) -> tuple[int, int] | None:
    """Return how many spans the SDK dropped, and its drops, failures and what arrived in all, once none is missing."""
    dropped = int(collector.made("otel_sdk_processor_span_processed_total", job="drops", error_type="queue_full"))
    failed = int(collector.made("otel_sdk_exporter_span_exported_total", error_type="_InactiveRpcError"))
    counted = dropped + failed + sum(sink.spans.values())
    return (dropped, counted) if counted >= MADE + 10 else None
