"""Records a fault: server and client as processes, under the instrumentation, into the embedded folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from groundhog_otel.recording.command import instrumented
from groundhog_otel.store.layout import new_run_id, prepare
from groundhog_otel.store.model import Recording
from groundhog_otel.store.reader import read_runs
from tests.faults.faults import CLIENT, FAULTS, SERVER, Transport
from tests.support.processes import ROOT, environment

__all__ = ("record",)

_INTERVAL_S = 0.2
"""Between exports of metrics."""
_TIMEOUT_S = 100.0


def record(fault: str, seed: int, folder: Path, *, transport: Transport | None = None) -> Recording:
    """Return what the server and its client have recorded, with ``fault`` or with :data:`~tests.faults.faults.CLEAN`.

    The same seed gives the same calls; how long they take is the machine's. ``folder`` keeps the files. By default the
    transport is that of the fault.
    """
    transport = transport or (FAULTS[fault].transport if fault in FAULTS else "http")
    run = new_run_id()
    directory = prepare(folder, run)
    seeded = ["--fault", fault, "--seed", str(seed)]
    server = [sys.executable, "-m", "tests.faults.server", *seeded]
    client = [sys.executable, "-m", "tests.faults.client", *seeded]
    environ = environment(OTEL_PYTHON_MCP_DETAIL="true")
    watched = [
        instrumented(command, environ, store=folder, run=run, name=name, interval_s=_INTERVAL_S)
        for command, name in ((server, SERVER), (client, CLIENT))
    ]
    if transport == "stdio":
        _finish(subprocess.Popen([*watched[1].words, "--", *watched[0].words], cwd=ROOT, env=watched[1].environ))
    else:
        with subprocess.Popen(
            [*watched[0].words, "--transport", "http"],
            cwd=ROOT,
            env=watched[0].environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as serving:
            assert serving.stdout is not None
            try:
                url = serving.stdout.readline().strip()
                _finish(subprocess.Popen([*watched[1].words, "--url", url], cwd=ROOT, env=watched[1].environ))
                serving.communicate(timeout=_TIMEOUT_S)  # ends its input
            except BaseException:
                serving.kill()
                raise
            assert serving.returncode == 0
    return read_runs([directory])


def _finish(process: subprocess.Popen[bytes]) -> None:
    with process:
        try:
            assert process.wait(_TIMEOUT_S) == 0
        except BaseException:
            process.kill()
            raise
