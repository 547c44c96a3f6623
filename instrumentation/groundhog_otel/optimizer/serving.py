"""A server that runs for as long as an experiment, with the actions that it was started with."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from groundhog_otel.environment_variables import (
    OTEL_PYTHON_GROUNDHOG_ACTIONS,
    OTEL_PYTHON_GROUNDHOG_ACTIONS_REPORT,
    OTEL_PYTHON_GROUNDHOG_BLOCKING_THRESHOLD_MS,
)
from groundhog_otel.load.clients.sdk import CONNECT_S, Protocol
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.session import Session, Target
from groundhog_otel.load.targets import CommandTarget
from groundhog_otel.optimizer import reports
from groundhog_otel.optimizer.listening import listening
from groundhog_otel.recording.command import CommandError, Recorded, instrumented
from groundhog_otel.settings import ActionSettings, Wanted, inherited
from groundhog_otel.settings.actions import spelled

__all__ = ("Command", "Served", "Use", "served")

_INSTRUMENTED: Final = frozenset({"opentelemetry-instrument", "groundhog"})
_NO_EXPORTERS: Final = {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}

_DETAIL: Final = {
    "OTEL_PYTHON_MCP_DETAIL": "true",
    OTEL_PYTHON_GROUNDHOG_BLOCKING_THRESHOLD_MS: "20",  # under load, a tenth of a second is long
}
"""What a recording is to have that is to be analysed, unless the user says otherwise."""


@dataclass(frozen=True, slots=True)
class Command:
    """The server that is to be improved, and how it is started."""

    words: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables for it, on top of what this process has."""
    url: str | None = None
    """Of one that speaks HTTP: where it listens, with ``{port}``, as in its words. None: its standard streams."""
    protocol: Protocol = "auto"
    connect_timeout_s: float = CONNECT_S

    @property
    def instruments_itself(self) -> bool:
        """Whether it is written with ``opentelemetry-instrument``, or below ``groundhog run``."""
        return bool(self.words) and Path(self.words[0]).name in _INSTRUMENTED

    def environ(self) -> dict[str, str]:
        """Return the environment that it is started in."""
        return {**inherited(), **self.env}

    def actions(self, more: Sequence[Wanted]) -> tuple[Wanted, ...]:
        """Return the actions that its environment names already, and ``more``."""
        present = ActionSettings.given({}, self.environ())[0].actions
        return (*present, *(one for one in more if one not in present))


@dataclass(frozen=True, slots=True)
class Use:
    """What the processes of a server have used and hold."""

    cpu_s: float
    """Seconds of CPU time since they began."""
    memory_bytes: int
    """Resident."""


class Served:
    """A server that runs."""

    def __init__(self, target: Target, report: Path) -> None:
        self.target = target
        """Opening it starts nothing any more."""
        self._report = report

    def statuses(self) -> tuple[reports.Status, ...]:
        """Return what has become of its actions so far."""
        return reports.read(self._report)

    def use(self) -> Use:
        """Return what it has used by now, and what it holds."""
        cpu_s, memory_bytes = 0.0, 0
        for pid in self.target.server_pids():
            with suppress(psutil.Error):
                root = psutil.Process(pid)
                for process in (root, *root.children(recursive=True)):
                    with suppress(psutil.Error):
                        times = process.cpu_times()
                        cpu_s += times.user + times.system
                        memory_bytes += process.memory_info().rss
        return Use(cpu_s, memory_bytes)


@asynccontextmanager
async def served(
    command: Command, actions: Sequence[Wanted] = (), *, store: Path | None = None, run: str = "", detail: bool = False
) -> AsyncIterator[Served]:
    """Start the server with ``actions``, besides those that its environment names already.

    With a ``store`` it records itself there, as ``run``; else it is instrumented all the same, and exports nothing.

    Raises:
        LoadError: it cannot be started, cannot be instrumented, or does not answer.
    """
    async with AsyncExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="groundhog-")))
        report = folder / "actions.jsonl"
        started = _started(command, actions, report, store=store, run=run, detail=detail)
        if command.url is None:
            over = CommandTarget(
                started.words,
                started.environ,
                protocol=command.protocol,
                connect_timeout_s=command.connect_timeout_s,
            )
            session = await opened.enter_async_context(over.open())
            yield Served(_Held(over, session), report)
        else:
            target = await opened.enter_async_context(
                listening(
                    started.words,
                    started.environ,
                    url=command.url,
                    protocol=command.protocol,
                    within_s=command.connect_timeout_s,
                )
            )
            yield Served(target, report)


@dataclass(frozen=True, slots=True)
class _Held:
    """A target whose one session stays open: all users share it, from one block to the next."""

    target: CommandTarget
    session: Session

    @property
    def name(self) -> str:
        """The command."""
        return self.target.name

    @property
    def ended(self) -> str | None:
        """How the server has ended; None while it has not."""
        return self.session.ended

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Session]:
        """Yield the session.

        Raises:
            LoadError: the server has ended.
        """
        if self.session.ended is not None:
            raise LoadError(self.session.ended)
        yield self.session

    def server_pids(self) -> tuple[int, ...]:
        """Return its processes."""
        return self.target.server_pids()


def _started(
    command: Command, actions: Sequence[Wanted], report: Path, *, store: Path | None, run: str, detail: bool
) -> Recorded:
    environ = command.environ()
    environ |= {
        OTEL_PYTHON_GROUNDHOG_ACTIONS: spelled(command.actions(actions)),
        OTEL_PYTHON_GROUNDHOG_ACTIONS_REPORT: str(report),
        # Two processes are to differ in nothing else, and the order of sets is drawn at each start.
        "PYTHONHASHSEED": environ.get("PYTHONHASHSEED", "0"),
    }
    if detail:
        for name, value in _DETAIL.items():
            environ.setdefault(name, value)
    if store is None:
        environ |= _NO_EXPORTERS
    if not command.words:
        raise LoadError("There is no server to improve: give the command that starts it, after --")
    if command.instruments_itself:
        return Recorded(command.words, environ)
    try:
        made = instrumented(command.words, environ, store=store, run=run, interval_s=None if store is None else 1.0)
    except CommandError as error:
        raise LoadError(f"{error}.") from None
    if made.problem is not None:
        raise LoadError(made.problem)
    return made
