"""A program that a test starts beside the stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from groundhog_otel.pipeline.ports import answers
from groundhog_otel.pipeline.processes import Running, is_alive, start, stop
from tests.e2e.conftest import eventually


def started(
    name: str, command: Sequence[str | Path], *, folder: Path, health: str, environment: Mapping[str, str] | None = None
) -> Running:
    """Start a program in a folder, its log there too; wait until it says that it is well, or end it."""
    log = folder / f"{name}.log"
    running = start(name, command, log=log, cwd=folder, environment=environment)

    def healthy() -> bool:
        assert is_alive(running), f"{name} has died: {log.read_text('utf-8')[-1000:]}"
        return answers(health)

    try:
        eventually(healthy, within_s=30, what=f"{name} healthy")
    except BaseException:
        stop(running)  # nobody else knows of it yet
        raise
    return running
