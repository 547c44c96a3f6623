"""The local stack: Collector, Jaeger, Prometheus and Alertmanager, on loopback."""

from __future__ import annotations

import contextlib
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from groundhog_otel.pipeline import Say, StackError
from groundhog_otel.pipeline.builds import Programs, build_all, locked
from groundhog_otel.pipeline.configs import collector_environment, write_configs
from groundhog_otel.pipeline.layout import find_project
from groundhog_otel.pipeline.processes import Running, is_alive, last_words, load, save, start, stop
from groundhog_otel.settings import StackSettings, port_variable

__all__ = ("PartStatus", "Stack")

_HEALTHY_WITHIN_S: Final = 60.0
_PROMETHEUS_MAKES: Final = "--storage.tsdb.retention.time=15d"


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part of the stack as it is now."""

    name: str
    pid: int | None
    healthy: bool
    address: str
    log: str


class Stack:
    """The four processes, by the settings that place them.

    ``environment`` is added to the Collector's: the ``GROUNDHOG_*`` variables of ``otel-config.yaml``.
    """

    def __init__(
        self,
        settings: StackSettings,
        *,
        say: Say,
        project: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.settings = settings
        self.project = project or find_project()
        self._say = say
        self._environment = dict(environment or {})
        self._file = settings.state / "stack.json"

    def build(self) -> Programs:
        """Build what is not built yet. Raises :class:`StackError`."""
        return build_all(self.project, self.settings.cache, self._say)

    def up(self) -> list[PartStatus]:
        """Start all parts that are not running, wait until each is healthy, and return their status.

        Raises:
            StackError: a port is taken, a program is missing or dies, or one does not become healthy. What this call
                has started is stopped again.
        """
        programs = self.build()
        with self._alone():
            running = {part.name: part for part in load(self._file) if is_alive(part)}
            if len(running) == len(_PARTS):
                return self.status()
            for part in running.values():
                stop(part)
            self._look_for_taken_ports()
            started: list[Running] = []
            try:
                config = write_configs(self.project, self.settings)
                for name, command in self._commands(programs, config).items():
                    started.append(self._start(name, command))
                    save(self._file, started)
                for part in started:
                    self._wait_until_healthy(part)
            except BaseException:
                for part in reversed(started):
                    stop(part)
                save(self._file, [])
                raise
        return self.status()

    def down(self) -> list[str]:
        """Stop what is running and return the names of it."""
        with self._alone():
            stopped = []
            for part in load(self._file):
                if is_alive(part):
                    if stop(part):
                        self._say(f"{part.name} did not stop when asked and was ended")
                    stopped.append(part.name)
            save(self._file, [])
        return stopped

    def status(self) -> list[PartStatus]:
        """Return every part as it is now."""
        running = {part.name: part for part in load(self._file)}
        found = []
        for name, part in _PARTS.items():
            known = running.get(name)
            alive = known is not None and is_alive(known)
            found.append(
                PartStatus(
                    name,
                    known.pid if known is not None and alive else None,
                    alive and _answers(self._url(part.health_port, part.health_path)),
                    self._url(part.port),
                    known.log if known is not None else "",
                )
            )
        return found

    def _commands(self, programs: Programs, config: Path) -> dict[str, list[str | Path]]:
        ports, state = self.settings.ports, self.settings.state
        return {
            "Jaeger": [programs["jaeger"], "--config", config / "jaeger.yaml"],
            "Alertmanager": [
                programs["alertmanager"],
                f"--config.file={config / 'alertmanager.yml'}",
                f"--storage.path={state / 'alertmanager'}",
                f"--web.listen-address=127.0.0.1:{ports['alertmanager']}",
                "--cluster.listen-address=",
            ],
            "Prometheus": [
                programs["prometheus"],
                f"--config.file={config / 'prometheus.yml'}",
                f"--storage.tsdb.path={state / 'prometheus'}",
                _PROMETHEUS_MAKES,
                f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
                "--enable-feature=exemplar-storage",
            ],
            "Collector": [programs["groundhog-collector"], "--config", self.project / "otel-config.yaml"],
        }

    def _start(self, name: str, command: list[str | Path]) -> Running:
        environment = {"OTEL_TRACES_SAMPLER": "always_off"} if name == "Jaeger" else {}
        if name == "Collector":
            environment = {
                # The limiter counts the heap; this keeps the garbage collector in step with it.
                "GOMEMLIMIT": "400MiB",
                **collector_environment(self.settings),
                **self._environment,
            }
        return start(
            name,
            command,
            log=self.settings.state / "logs" / f"{name.lower()}.log",
            cwd=self.settings.state,
            environment=environment,
        )

    def _wait_until_healthy(self, running: Running) -> None:
        part = _PARTS[running.name]
        url = self._url(part.health_port, part.health_path)
        deadline = time.monotonic() + _HEALTHY_WITHIN_S
        while not _answers(url):
            if not is_alive(running):
                raise StackError(f"{running.name} has died: {last_words(running)} (its log: {running.log})")
            if time.monotonic() > deadline:
                raise StackError(f"{running.name} does not answer on {url}; its log: {running.log}")
            time.sleep(0.1)
        self._say(f"{running.name} is healthy")

    def _look_for_taken_ports(self) -> None:
        for name, port in self.settings.ports.items():
            with contextlib.closing(socket.socket()) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    owner = _owner(port)
                    raise StackError(
                        f"port {port} ({name}) is taken{owner}: stop that, or choose another with {port_variable(name)}"
                    ) from None

    def _url(self, port: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.settings.ports[port]}{path}"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with locked(
            self.settings.state / "stack.lock", "another `groundhog stack` is at work; waiting for it", self._say
        ):
            yield


@dataclass(frozen=True, slots=True)
class _Part:
    port: str
    health_port: str
    health_path: str


_PARTS: Final = {
    "Jaeger": _Part("jaeger_query", "jaeger_health", "/status"),
    "Alertmanager": _Part("alertmanager", "alertmanager", "/-/ready"),
    "Prometheus": _Part("prometheus", "prometheus", "/-/ready"),
    "Collector": _Part("otlp_http", "collector_health", "/"),
}
"""In the order in which they start: who sends to whom comes last."""


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback, built here
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _owner(port: int) -> str:
    """Return who listens on a port, in words, where the system tells."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, AttributeError):
        pass
    return ""
