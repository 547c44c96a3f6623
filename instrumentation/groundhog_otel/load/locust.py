"""A user class for Locust: ``locust`` decides how many users there are and when, and this is what each of them does.

Locust runs on gevent, which replaces sockets, threads and more by its own; the official client runs on asyncio, and
what it measures is not to wait for greenlets. So each Locust process has a process beside it, which holds the sessions,
makes the requests and measures them (:mod:`groundhog_otel.load.driven`). Locust is told of each of them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final
from weakref import WeakKeyDictionary, WeakSet

import gevent
import locust
from gevent import GreenletExit
from locust import User, task
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from groundhog_otel.load.driven.greenlets import Crew
from groundhog_otel.load.driven.order import Order
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.plan import LoadTestConfig, Scenario
from groundhog_otel.settings import run_id
from groundhog_otel.store.layout import new_run_id

__all__ = ("McpRequestError", "McpUser", "attach")

logger = logging.getLogger("groundhog_otel.load")

_CREWS: Final[WeakKeyDictionary[Environment, Crew]] = WeakKeyDictionary()
_ENDING: Final[WeakKeyDictionary[Environment, Any]] = WeakKeyDictionary()
_FAILED: Final[WeakSet[Environment]] = WeakSet()
_TYPE: Final = "MCP"


class McpUser(User):
    """An MCP client: one session, and round after round of its scenarios. Subclass it in a locustfile.

    Classes of one locustfile may differ in their scenarios; the server and the rest are those of the whole test.
    """

    abstract = True

    server: ClassVar[str | Sequence[str] | None] = None
    """A URL, or a command; None for Locust's ``host``."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Further ones of :func:`groundhog_otel.load.targets.target_for`: ``headers``, ``token_env``, ``protocol`` …"""
    scenarios: ClassVar[tuple[Scenario, ...] | str] = ()
    """Or the file that they are in; none for the tools that the server marks as read-only."""
    unsafe_tools: ClassVar[bool] = False
    """Without scenarios: also call tools that are not marked as read-only."""
    request_timeout: ClassVar[float] = 30.0
    """In seconds."""
    seed: ClassVar[int] = 0
    telemetry: ClassVar[str | None] = None
    """``otlp``, ``files`` or ``none``; None for OTLP where the environment names an endpoint, else files."""

    def on_start(self) -> None:
        """Open the session."""
        self._crew, self._number = _CREWS.get(self.environment), -1
        if self._crew is None:
            raise GreenletExit  # the test could not begin, and Locust has been told to end it
        try:
            self._number = self._crew.join(_kinds(self.environment).index(type(self)))
        except LoadError as error:
            _fail(self.environment, error)
            raise GreenletExit from None

    def on_stop(self) -> None:
        """Close the session, once the request under way is over."""
        if self._crew is not None and self._number >= 0:
            self._crew.leave(self._number)

    @task
    def go_through_a_scenario(self) -> None:
        """Go through one of the scenarios, as its weight has it."""
        assert self._crew is not None  # noqa: S101 - on_start has seen to it
        try:
            self._crew.go(self._number)
        except LoadError as error:
            _fail(self.environment, error)
            raise GreenletExit from None


class McpRequestError(Exception):
    """What Locust is told of a request that has failed: the class of the error, and its detail."""


def attach(environment: Environment) -> None:
    """Let an environment's tests be measured; done by itself for those that the command ``locust`` makes."""
    events: Any = environment.events
    events.test_start.add_listener(_begin)
    events.test_stop.add_listener(_stop)
    events.quit.add_listener(lambda **_more: _finish(environment))  # after Ctrl-C, tests end after "quitting"


def _add_options(parser: Any, **_more: Any) -> None:
    parser.add_argument(
        "--groundhog-out",
        metavar="FOLDER",
        default="groundhog-load",
        env_var="GROUNDHOG_LOAD_OUT",
        include_in_web_ui=False,
        help="Folder for each worker's part of the result, which 'groundhog load merge' takes",
    )


def _attach_to_the_command(environment: Environment, **_more: Any) -> None:
    attach(environment)


def _begin(environment: Environment, **_more: Any) -> None:
    """Start the process beside this one. The master, or a Locust alone, decides what all parts have in common.

    Locust hands its options on to the workers whenever a test begins, and those that are none of its own as they are.
    """
    _FAILED.discard(environment)
    options: Any = environment.parsed_options
    if not isinstance(environment.runner, WorkerRunner):
        options.groundhog_run = {
            "run_id": run_id() or new_run_id(),
            "users": options.num_users or 0,  # with a shape they come and go
            "run_time": options.run_time or 0,
        }
    if isinstance(environment.runner, MasterRunner) or not _kinds(environment):
        return
    try:
        crew = Crew(
            _order(environment, options),
            on_request=lambda *request: _tell(environment, *request),
            on_gone=lambda why: _fail(environment, why),
        )
        for note in crew.start():
            logger.info("%s", note)
    except LoadError as error:
        _fail(environment, error)
    else:
        _CREWS[environment] = crew


def _stop(environment: Environment, **_more: Any) -> None:
    """Wait for what is under way, so that Locust's last report has it too; the rest is done beside it."""
    crew = _CREWS.pop(environment, None)
    if crew is None:
        return
    crew.drain()
    _ENDING[environment] = gevent.spawn(_write, environment, crew)


def _write(environment: Environment, crew: Crew) -> None:
    try:
        count = crew.end()
    except LoadError as error:
        _fail(environment, error)
    else:
        together = crew.file.with_name(f"{crew.run_id}-*.json")
        logger.info("%s: %d requests. All parts together: groundhog load merge %s", crew.file, count, together)


def _finish(environment: Environment) -> None:
    ending = _ENDING.pop(environment, None)
    if ending is not None:
        ending.join()


def _tell(environment: Environment, operation: str, response_s: float, error: str | None) -> None:
    events: Any = environment.events
    events.request.fire(
        request_type=_TYPE,
        name=operation,
        response_time=response_s * 1000,
        response_length=0,
        exception=None if error is None else McpRequestError(error),
        context={},
    )


def _kinds(environment: Environment) -> list[type[McpUser]]:
    return [one for one in environment.user_classes if issubclass(one, McpUser)]


def _order(environment: Environment, options: Any) -> Order:
    kinds, run = _kinds(environment), options.groundhog_run
    first = kinds[0]
    for kind in kinds:
        for what in ("options", "unsafe_tools", "request_timeout", "seed", "telemetry"):
            if getattr(kind, what) != getattr(first, what):
                raise LoadError(f"{kind.__name__} and {first.__name__} differ in {what}: give them the same")
    servers = [kind.server or environment.host or kind.host for kind in kinds]
    if not servers[0] or any(one != servers[0] for one in servers):
        raise LoadError("Give the user classes one server: server = 'http://host:port/mcp', or --host")
    runner: Any = environment.runner
    return Order(
        server=servers[0],
        options=dict(first.options),
        kinds=tuple(kind.scenarios for kind in kinds),
        config=LoadTestConfig(
            duration=float(run["run_time"]),
            concurrent_users=int(run["users"]),
            request_timeout=first.request_timeout,
            seed=first.seed,
            unsafe_tools=first.unsafe_tools,
        ),
        run_id=run["run_id"],
        telemetry=first.telemetry,
        worker=runner.worker_index,
        file=Path(options.groundhog_out, f"{run['run_id']}-{runner.worker_index}.json").absolute(),
    )


def _fail(environment: Environment, error: LoadError) -> None:
    """Say what is wrong, once for all users, and end the test; Locust's exit code says it as well."""
    if environment in _FAILED:
        return
    _FAILED.add(environment)
    logger.error("%s", error)
    environment.process_exit_code = 1
    runner, options = environment.runner, environment.parsed_options
    if runner is not None and options is not None:
        gevent.spawn(runner.quit if options.headless or options.worker else runner.stop)


_EVENTS: Any = locust.events
_EVENTS.init_command_line_parser.add_listener(_add_options)
_EVENTS.init.add_listener(_attach_to_the_command)
