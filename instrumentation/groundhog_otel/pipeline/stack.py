"""The local stack: Collector, Jaeger, Prometheus and Alertmanager, on loopback."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from groundhog_otel.pipeline import Say, StackError
from groundhog_otel.pipeline.builds import MODULES, Programs, build_all, locked
from groundhog_otel.pipeline.configs import collector_environment, write_configs
from groundhog_otel.pipeline.layout import find_project
from groundhog_otel.pipeline.parts import PARTS, Part, Recipe, recipes
from groundhog_otel.pipeline.ports import answers, look_whether_free
from groundhog_otel.pipeline.processes import Running, is_alive, last_words, load, save, start, stop
from groundhog_otel.settings.stack import ENV_CACHE_DIR, ENV_STATE_DIR, StackSettings

__all__ = ("PartStatus", "Stack")

_HEALTHY_WITHIN_S: Final = 60.0


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
        _make(self.settings.cache, ENV_CACHE_DIR)
        own = self.settings.jaeger
        modules = [module for module in MODULES if own is None or module.name != "Jaeger"]
        programs = build_all(self.project, self.settings.cache, self._say, modules=modules)
        return programs if own is None else {**programs, "jaeger": own}

    def up(self) -> list[PartStatus]:
        """Start each part that is not running as these settings have it, wait until all are healthy, say how they are.

        Raises:
            StackError: a port is taken, a program is missing or dies, or one does not become healthy. What this call
                has started is stopped again.
        """
        if not any(map(is_alive, load(self._file))):
            self._look_for_taken_ports(PARTS)  # rather before a build of many minutes than after it
        programs = self.build()
        with self._alone():
            wanted = recipes(
                self.settings,
                programs,
                project=self.project,
                config=write_configs(self.project, self.settings),
                collector=collector_environment(self.project, self.settings, self._environment),
            )
            running = {part.name: part for part in load(self._file) if is_alive(part)}
            missing: list[Part] = []
            try:
                self._stop_what_has_changed(running, wanted)
                missing += [part for part in PARTS if part.name not in running]
                self._look_for_taken_ports(missing)
                for part in missing:
                    running[part.name] = self._start(part, wanted[part.name])
                    save(self._file, list(running.values()))
                for part in PARTS:
                    self._wait_until_healthy(running[part.name], say=part in missing)
            except BaseException:
                for part in reversed(missing):
                    if part.name in running:
                        stop(running.pop(part.name))
                save(self._file, list(running.values()))
                raise
        return self.status()

    def down(self) -> list[str]:
        """Stop what is running and return the names of it. Raises :class:`StackError` when one does not end."""
        with self._alone():
            order = [part.name for part in PARTS]
            running = [part for part in load(self._file) if is_alive(part)]
            running.sort(key=lambda part: order.index(part.name) if part.name in order else -1, reverse=True)
            for part in running:
                if stop(part):
                    self._say(f"{part.name} did not stop when asked and was ended")
            save(self._file, [])
        return [part.name for part in running]

    def status(self) -> list[PartStatus]:
        """Return every part as it is now, at the address that it was started with."""
        running = {part.name: part for part in load(self._file)}
        found = []
        for part in PARTS:
            known = running.get(part.name)
            if known is None:
                found.append(PartStatus(part.name, None, False, self._url(part.ports[0]), ""))
                continue
            alive = is_alive(known)
            healthy = alive and answers(known.health)
            found.append(PartStatus(part.name, known.pid if alive else None, healthy, known.address, known.log))
        return found

    def _stop_what_has_changed(self, running: dict[str, Running], wanted: Mapping[str, Recipe]) -> None:
        for name, part in list(running.items()):
            if name not in wanted or part.recipe != wanted[name].digest():
                self._say(f"{name} runs with other settings; starting it again")
                stop(part)
                del running[name]

    def _start(self, part: Part, recipe: Recipe) -> Running:
        return start(
            part.name,
            recipe.command,
            log=self.settings.state / "logs" / f"{part.name.lower()}.log",
            cwd=self.settings.state,
            environment=recipe.environment,
            recipe=recipe.digest(),
            address=self._url(part.ports[0]),
            health=self._url(*part.health),
        )

    def _wait_until_healthy(self, running: Running, *, say: bool) -> None:
        deadline = time.monotonic() + _HEALTHY_WITHIN_S
        while not answers(running.health):
            if not is_alive(running):
                raise StackError(f"{running.name} has died: {last_words(running)} (its log: {running.log})")
            if time.monotonic() > deadline:
                raise StackError(f"{running.name} does not answer on {running.health}; its log: {running.log}")
            time.sleep(0.1)
        if say:
            self._say(f"{running.name} is healthy")

    def _look_for_taken_ports(self, parts: Iterable[Part]) -> None:
        for part in parts:
            for name in part.ports:
                look_whether_free(name, self.settings.ports[name])

    def _url(self, port: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.settings.ports[port]}{path}"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        _make(self.settings.state, ENV_STATE_DIR)
        with locked(
            self.settings.state / "stack.lock", "another `groundhog stack` is at work; waiting for it", self._say
        ):
            yield


def _make(folder: Path, variable: str) -> None:
    """Make a folder that can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = f"{folder} cannot be written to ({error.strerror})"
        raise StackError(f"{reason}: make it so, or choose another folder with {variable}") from error
