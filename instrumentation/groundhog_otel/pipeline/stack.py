"""The local stack: Collector, Jaeger, Prometheus and Alertmanager, on loopback."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from groundhog_otel.pipeline import Say, StackError
from groundhog_otel.pipeline.builds import MODULES, Programs, build_all, locked
from groundhog_otel.pipeline.configs import collector_environment, keep_configs, restore_configs, write_configs
from groundhog_otel.pipeline.deaths import Death, death_of, deaths_among
from groundhog_otel.pipeline.layout import find_project, writable
from groundhog_otel.pipeline.parts import PARTS, Part, Recipe, recipes
from groundhog_otel.pipeline.ports import answers, look_whether_free
from groundhog_otel.pipeline.processes import Running, is_alive, load, previous_log, save, start, start_again, stop
from groundhog_otel.pipeline.status import PartStatus, status_of
from groundhog_otel.settings.stack import ENV_CACHE_DIR, ENV_STATE_DIR, StackSettings

__all__ = ("Stack",)

_HEALTHY_WITHIN_S: Final = 60.0


class Stack:
    """The five processes, by the settings that place them.

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
        writable(self.settings.cache, ENV_CACHE_DIR)
        own = self.settings.jaeger
        modules = [module for module in MODULES if own is None or module.name != "Jaeger"]
        programs = build_all(self.project, self.settings.cache, self._say, modules=modules)
        return programs if own is None else {**programs, "jaeger": own}

    def up(self) -> list[PartStatus]:
        """Start each part that is not running as these settings have it, wait until all are healthy, say how they are.

        Raises:
            StackError: a port is taken, a program is missing or dies, or one does not become healthy. What this call
                has started is stopped again, and what it has stopped is started again as it was.
        """
        if not any(map(is_alive, load(self._file))):
            self._look_for_taken_ports(PARTS)  # rather before a build of many minutes than after it
        programs = self.build()
        with self._alone():
            known = load(self._file)
            for death in deaths_among(known):
                self._say(f"{death}; starting it again")
            before = {part.name: part for part in known if is_alive(part)}
            running = dict(before)
            keep_configs(self.settings)
            try:
                wanted = self._recipes(programs)
                self._stop_what_has_changed(running, wanted)
                missing = [part for part in PARTS if part.name not in running]
                self._look_for_taken_ports(missing)
                for part in missing:
                    running[part.name] = self._start(part, wanted[part.name])
                    save(self._file, list(running.values()))
                for part in PARTS:
                    self._wait_until_healthy(running[part.name], say=part in missing)
            except BaseException:
                self._take_back(before, running)
                raise
        return self.status()

    def down(self) -> list[str]:
        """Stop what is running and return the names of it. Raises :class:`StackError` when one does not end."""
        with self._alone():
            order = [part.name for part in PARTS]
            running = [part for part in load(self._file) if is_alive(part)]
            running.sort(key=lambda part: order.index(part.name) if part.name in order else -1, reverse=True)
            for part in running:
                self._stop(part)
            save(self._file, [])
        return [part.name for part in running]

    def restart(self, name: str) -> PartStatus:
        """Stop a part, or say how it died, and start it with what it was started with before; wait until it is healthy.

        The other parts stay as they are, and so do its data.

        Raises:
            StackError: it was never started, cannot be stopped, or dies again.
        """
        with self._alone():
            known = {part.name: part for part in load(self._file)}
            old = known.get(name)
            if old is None:
                raise StackError(f"{name} was not started: groundhog stack up")
            if is_alive(old):
                self._stop(old)
                self._say(f"{name} has stopped; starting it again")
            else:
                self._say(f"{death_of(old)}; starting it again")
            known[name] = start_again(old, cwd=self.settings.state)
            save(self._file, list(known.values()))
            self._wait_until_healthy(known[name], say=True)
        return next(part for part in self.status() if part.name == name)

    def status(self) -> list[PartStatus]:
        """Return every part as it is now, at the address that it was started with."""
        known = {part.name: part for part in load(self._file)}
        return [status_of(part.name, known.get(part.name), self._url(part.ports[0])) for part in PARTS]

    def log(self, part: Part) -> Path:
        """Return the file that a part's output goes to."""
        return self.settings.state / "logs" / f"{part.name.lower()}.log"

    def started(self) -> list[Running]:
        """Return every part that was started and not stopped since, alive or not."""
        return load(self._file)

    def dead(self) -> list[Death]:
        """Return how parts have ended that nobody had asked to; waits while a command stops or starts some."""
        with self._alone():
            return deaths_among(load(self._file))

    def _recipes(self, programs: Programs) -> dict[str, Recipe]:
        return recipes(
            self.settings,
            programs,
            config=write_configs(self.project, self.settings),
            collector=collector_environment(self.project, self.settings, self._environment),
        )

    def _stop_what_has_changed(self, running: dict[str, Running], wanted: Mapping[str, Recipe]) -> None:
        for name, part in list(running.items()):
            if name not in wanted or part.recipe != wanted[name].digest():
                self._say(f"{name} runs with other settings; starting it again")
                stop(part)
                del running[name]

    def _take_back(self, before: Mapping[str, Running], running: dict[str, Running]) -> None:
        """Stop what was started, and start again what was stopped, as it was."""
        for name, part in reversed(list(running.items())):
            if before.get(name) != part:
                stop(running.pop(name))
        restore_configs(self.settings)
        for name, part in before.items():
            if name in running:
                continue
            try:
                running[name] = start_again(part, cwd=self.settings.state) if not is_alive(part) else part
                save(self._file, list(running.values()))
                self._wait_until_healthy(running[name], say=False)
                self._say(f"{name} runs again as before; what it said otherwise: {previous_log(part)}")
            except StackError as error:
                self._say(f"{error}; it does not run as before either. Mend that, then: groundhog stack up")
        save(self._file, list(running.values()))

    def _stop(self, part: Running) -> None:
        if stop(part):
            self._say(f"{part.name} did not stop when asked and was ended")

    def _start(self, part: Part, recipe: Recipe) -> Running:
        return start(
            part.name,
            recipe.command,
            log=self.log(part),
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
                raise StackError(str(death_of(running)))
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
        writable(self.settings.state, ENV_STATE_DIR)
        with locked(
            self.settings.state / "stack.lock", "another `groundhog stack` is at work; waiting for it", self._say
        ):
            yield
