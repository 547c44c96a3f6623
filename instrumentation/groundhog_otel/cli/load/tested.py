"""What is tested and from where: options that a test and a sweep have in common, and how both are run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from cyclopts import Parameter

from groundhog_otel.cli.load.outputs import INTERRUPTED, say
from groundhog_otel.cli.load.server import target_of
from groundhog_otel.load.amounts import seconds_of
from groundhog_otel.load.engine.logs import quiet
from groundhog_otel.load.errors import StoppedError
from groundhog_otel.load.plan import LoadTestConfig
from groundhog_otel.load.reporting.live import LiveProgress
from groundhog_otel.load.scenarios.reading import read_scenarios
from groundhog_otel.load.tester import LoadTester

__all__ = ("Tested", "Traces")

T = TypeVar("T")
_FLAG: Final = Parameter(negative=())


@Parameter(name="*")
@dataclass(frozen=True)
class Traces:
    """Where spans and metrics of a test are."""

    telemetry: Literal["otlp", "files", "none"] | None = None
    "Where spans and metrics of the test go; by default OTLP where the environment names an endpoint, else files."
    dir: Path | None = None
    "Where to keep files; by default $GROUNDHOG_DIR, or .groundhog in this folder."


@Parameter(name="*")
@dataclass(frozen=True)
class Tested:
    """How a server is reached, what it is asked, and by how many processes."""

    timeout: str = "30s"
    "After how long a request is given up."
    connect_timeout: str = "30s"
    "After how long a server that has not answered the handshake is given up."
    workers: int = 1
    "Processes that generate the load."
    seed: int = 0
    "Of everything that is drawn at random: the same seed gives the same schedule."
    scenario: Path | None = None
    "A scenario file, YAML or Python. Without one, the tools that the server marks as read-only are called."
    unsafe_tools: Annotated[bool, _FLAG] = False
    "Without a scenario: also call tools that are not marked as read-only."
    sse: Annotated[bool, _FLAG] = False
    "The URL speaks the legacy transport, HTTP with SSE."
    header: tuple[str, ...] = ()
    'A header of every HTTP request: "Name: value".'
    token_variable: str | None = None
    "The environment variable that holds a bearer token."
    protocol: Literal["auto", "handshake", "2026-07-28"] = "auto"
    "With sessions, or without: handshake, or 2026-07-28."

    def config(self, **more: Any) -> LoadTestConfig:
        """Return the configuration, with what is of one of the two only.

        Raises:
            LoadError: a time or the scenario file is not understood.
        """
        return LoadTestConfig(
            request_timeout=seconds_of(self.timeout),
            test_scenarios=() if self.scenario is None else read_scenarios(self.scenario),
            seed=self.seed,
            workers=self.workers,
            unsafe_tools=self.unsafe_tools,
            **more,
        )

    def run(self, server: Sequence[str], traces: Traces, work: Callable[[LoadTester], T]) -> T:
        """Return what ``work`` makes of the tester of a server, whose progress is shown.

        Raises:
            LoadError: the words name no server, or as ``work`` does.
            SystemExit: it was stopped before it began.
        """
        quiet()
        target = target_of(
            server,
            sse=self.sse,
            header=self.header,
            token_variable=self.token_variable,
            protocol=self.protocol,
            connect_timeout=self.connect_timeout,
        )
        with LiveProgress() as live:
            tester = LoadTester(target, on_progress=live, telemetry=traces.telemetry, store=traces.dir)
            try:
                result = work(tester)
            except StoppedError as stopped:
                say(str(stopped))
                raise SystemExit(INTERRUPTED) from None
        for note in tester.notes:
            say(note)
        return result
