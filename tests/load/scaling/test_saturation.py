from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.load.scaling.saturation import Saturation, saturation

ROOT = Path(__file__).resolve().parents[3]
_S = 10**9


def _line(time_s: int, counts: list[int], total: float, **gauges: int) -> str:
    lag = {
        "startTimeUnixNano": "1",
        "timeUnixNano": str(time_s * _S),
        "sum": total,
        "explicitBounds": [0.001, 0.01],
        "bucketCounts": [str(count) for count in counts],
    }
    metrics: list[dict[str, Any]] = [{"name": "groundhog.event_loop.lag", "histogram": {"dataPoints": [lag]}}]
    for name, value in gauges.items():
        point = {"timeUnixNano": str(time_s * _S), "asInt": str(value)}
        metrics.append({"name": f"groundhog.worker_threads.{name}", "sum": {"dataPoints": [point]}})
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]})


def _written(folder: Path, *lines: str) -> Path:
    (folder / "server-7.metrics.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_what_was_counted_within_the_step_is_what_counts(tmp_path: Path) -> None:
    folder = _written(
        tmp_path,
        _line(10, [100, 0, 0], 0.02, in_use=1, limit=40, waiting=0),
        _line(20, [140, 59, 1], 0.52, in_use=40, limit=40, waiting=7),
        "{ cut off",
        _line(30, [140, 59, 1001], 900.0, in_use=0, limit=40, waiting=0),
    )
    found = saturation([folder], 10 * _S, 20 * _S)
    assert found.loop_lag_mean_s == pytest.approx(0.005)
    assert (found.loop_lag_p99_s, found.worker_threads_share, found.worker_threads_waiting) == (0.01, 1.0, 7)
    assert saturation([folder], 5 * _S, 12 * _S).loop_lag_p99_s == 0.001
    assert saturation([folder], 25 * _S, 30 * _S).loop_lag_p99_s == float("inf")


def test_nothing_is_known_where_nothing_was_recorded(tmp_path: Path) -> None:
    assert saturation([tmp_path], 0, _S) == Saturation()
    assert saturation([_written(tmp_path, _line(10, [1, 0, 0], 0.0))], 20 * _S, 30 * _S) == Saturation()


PROGRAM = """
import asyncio, time
from tests.support import sdk

server = sdk.make_server()

@server.tool()
async def blocks() -> str:
    time.sleep(0.3)
    await asyncio.sleep(0.2)
    return "done"

async def main():
    async with sdk.in_memory(server) as session:
        for _ in range(3):
            await session.call_tool("blocks", {})

asyncio.run(main())
"""


def test_a_real_server_that_blocks_its_loop(tmp_path: Path) -> None:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    began_ns = time.time_ns()
    groundhog = Path(sys.executable).parent / "groundhog"
    done = subprocess.run(
        [groundhog, "run", "--dir", tmp_path, "--interval", "0.2", "--", sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (run,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    found = saturation([run], began_ns, time.time_ns())
    assert found.loop_lag_p99_s is not None
    assert found.loop_lag_p99_s >= 0.2
    assert found.loop_lag_mean_s is not None
    assert found.worker_threads_share == 0
    assert found.worker_threads_waiting == 0
