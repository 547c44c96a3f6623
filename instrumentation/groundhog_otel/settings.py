"""Every setting this package reads from the environment, and the only reader of ``os.environ`` in it.

A wrong value never stops the program under observation: the reader falls back to the default and says, in one warning
that names the variable, the value and the accepted ones, what to change. Command-line tools call the same readers and
turn the same sentence into an error.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from groundhog_otel import environment_variables as variables
from groundhog_otel.options import (
    Option,
    Problem,
    Redact,
    Source,
    choice,
    chosen,
    content,
    flag,
    length,
    names,
    redactor,
    resolved,
    seconds,
)

__all__ = (
    "ENV_CACHE_DIR",
    "ENV_CAPTURE_CONTENT",
    "ENV_CONFIG_FILE",
    "ENV_GROUNDHOG_DIR",
    "ENV_GROUNDHOG_RUN_ID",
    "ENV_INTERVAL",
    "ENV_JAEGER_BIN",
    "ENV_OTLP_ENDPOINT",
    "ENV_STATE_DIR",
    "ENV_WEBHOOK",
    "STACK_PORTS",
    "McpSettings",
    "Problem",
    "Redact",
    "ResourceSettings",
    "RuntimeSettings",
    "StackSettings",
    "config_file",
    "forwarded_environment",
    "inherited",
    "otlp_endpoint",
    "port_variable",
    "resolved",
    "run_id",
    "store_directory",
    "warn",
)

logger = logging.getLogger("groundhog_otel")

ENV_CAPTURE_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""Shared with the GenAI instrumentations, and defined by them."""
ENV_CONFIG_FILE: Final = "OTEL_CONFIG_FILE"
ENV_OTLP_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
ENV_CACHE_DIR: Final = "GROUNDHOG_CACHE_DIR"
ENV_STATE_DIR: Final = "GROUNDHOG_STATE_DIR"
ENV_WEBHOOK: Final = "GROUNDHOG_WEBHOOK"
ENV_INTERVAL: Final = "GROUNDHOG_INTERVAL"
ENV_JAEGER_BIN: Final = "GROUNDHOG_JAEGER_BIN"
STACK_PORTS: Final[Mapping[str, int]] = {
    "otlp_grpc": 4317,
    "otlp_http": 4318,
    "collector_health": 13133,
    "collector_metrics": 8888,
    "span_metrics": 8889,
    "jaeger_otlp": 14317,
    "jaeger_query": 16686,
    "jaeger_grpc": 16685,
    "jaeger_health": 13134,
    "prometheus": 9090,
    "alertmanager": 9093,
}
ENV_GROUNDHOG_DIR: Final = "GROUNDHOG_DIR"
ENV_GROUNDHOG_RUN_ID: Final = "GROUNDHOG_RUN_ID"

_NOT_OPTIONS: Final = frozenset({"tracer_provider", "meter_provider", "logger_provider", "settings"})
"""What ``instrument()`` takes besides the settings. Programs give all their instrumentors the same three providers."""

_AUTO_INSTRUMENTATION: Final = str(Path("opentelemetry", "instrumentation", "auto_instrumentation"))


class McpSettings(NamedTuple):
    """How the MCP instrumentor behaves. Each field is also a keyword argument of ``McpInstrumentor().instrument()``."""

    native_spans: Literal["replace", "keep"] = "replace"
    """``replace``: our span stands in for the SDK's own. ``keep``: the SDK's spans stay, we add metrics only."""
    excluded_methods: tuple[str, ...] = ()
    """Wire methods, or ``fnmatch`` patterns of them, that get neither span nor metric. Context still propagates."""
    capture_content: bool = False
    """Whether spans hold what tools were given and what they answered."""
    capture_max_length: int = 4096
    """Characters kept of each captured value."""
    redact: Redact | str | None = None
    """What every captured value goes through first; ``module:function`` is what :func:`resolved` makes one of."""
    resource_uri_in_name: bool = False
    """Whether spans of resources are named after the resource: only where there are few of them."""
    server_parent: Literal["meta", "ambient"] = "meta"
    """Whose child a server's span is: that of the context in ``_meta``, or of what is current in the server."""
    flush_on_sigterm: bool = True
    """Whether a process that SIGTERM ends sends what it has measured first."""
    execute_tool: Literal["own", "enrich"] = "own"
    """``own``: tool calls get an ``execute_tool`` span of ours. ``enrich``: one that is there gets our attributes."""
    exit_timeout_s: float | None = 1.0
    """Seconds that the end of the process may wait for its telemetry. None: as long as the SDK's shutdown takes."""
    forward_environment: bool = False
    """Whether servers that an instrumented client starts over stdio get :func:`forwarded_environment`."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> tuple[McpSettings, list[Problem]]:
        """Read the settings; unusable values fall back to the default and are described in the second item."""
        return cls.given({}, environ)

    @classmethod
    def given(
        cls, kwargs: Mapping[str, Any], environ: Mapping[str, str] = os.environ
    ) -> tuple[McpSettings, list[Problem]]:
        """Take the settings from the arguments of ``instrument()``, and what these leave open from the environment.

        An argument ``settings`` is taken in place of the environment.
        """
        base, sources = _sources(kwargs, "groundhog_mcp", _MCP, environ)
        found, problems = chosen(_MCP, sources, base or cls())
        if "redact" not in found and any(source.values.get("redact") for source in sources):
            found["capture_content"] = False
            problems.append("Without the redactor that was asked for, no content is captured.")
        return (base or cls())._replace(**found), problems


class ResourceSettings(NamedTuple):
    """What the resource instrumentor reports on. Each field is also a keyword argument of its ``instrument()``."""

    process: bool = True
    system: bool = False
    """The host's figures too: for one process per host, because each would report the same."""
    folders: tuple[str, ...] = ()
    """Folders whose size on disk is reported."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> tuple[ResourceSettings, list[Problem]]:
        """Read the settings; an unusable value gives the default and is described in the second item."""
        return cls.given({}, environ)

    @classmethod
    def given(
        cls, kwargs: Mapping[str, Any], environ: Mapping[str, str] = os.environ
    ) -> tuple[ResourceSettings, list[Problem]]:
        """Take the settings from the arguments of ``instrument()``, and what these leave open from the environment.

        An argument ``settings`` is taken in place of the environment.
        """
        base = kwargs.get("settings")
        problems: list[Problem] = []
        if base is None:
            base, problems = cls._from_one_variable(environ)
        found, more = chosen(_RESOURCES, [_arguments(kwargs, "groundhog_resources", environ)], base)
        return base._replace(**found), problems + more

    @classmethod
    def _from_one_variable(cls, environ: Mapping[str, str]) -> tuple[ResourceSettings, list[Problem]]:
        variable = variables.OTEL_PYTHON_GROUNDHOG_RESOURCES
        raw = environ.get(variable, "").strip().lower() or "process"
        folders = _folders(environ.get(variables.OTEL_PYTHON_GROUNDHOG_FOLDERS, ""))
        parts = {part.strip() for part in raw.split(",")}
        if parts == {"none"}:
            return cls(process=False, folders=folders), []
        if parts <= {"process", "system"}:
            return cls(process="process" in parts, system="system" in parts, folders=folders), []
        choices = "process, system, process,system or none"
        return cls(folders=folders), [f"{variable}={raw!r} is not understood; using 'process'. Write {choices}."]


def _folders(given: object) -> tuple[str, ...]:
    """Return folders, of a text like ``PATH`` or of a list."""
    parts = given.split(os.pathsep) if isinstance(given, str) else given
    if not isinstance(parts, (list, tuple)) or not all(isinstance(part, str) for part in parts):
        raise ValueError
    return tuple(part for part in parts if part)


_TRUTH: Final = "true or false"
_MCP: Final[Mapping[str, Option]] = {
    "native_spans": Option(variables.OTEL_PYTHON_MCP_NATIVE_SPANS, "replace or keep", choice("replace", "keep")),
    "excluded_methods": Option(variables.OTEL_PYTHON_MCP_EXCLUDED_METHODS, "methods, like ping,notifications/*", names),
    "capture_content": Option(ENV_CAPTURE_CONTENT, "true or false, or SPAN_ONLY or NO_CONTENT", content),
    "capture_max_length": Option(
        variables.OTEL_PYTHON_MCP_CAPTURE_MAX_LENGTH, "a whole number of characters from 1 up", length
    ),
    "redact": Option(variables.OTEL_PYTHON_MCP_REDACTOR, "module:function", redactor),
    "resource_uri_in_name": Option(variables.OTEL_PYTHON_MCP_RESOURCE_URI_IN_NAME, _TRUTH, flag),
    "server_parent": Option(variables.OTEL_PYTHON_MCP_SERVER_PARENT, "meta or ambient", choice("meta", "ambient")),
    "flush_on_sigterm": Option(variables.OTEL_PYTHON_MCP_FLUSH_ON_SIGTERM, _TRUTH, flag),
    "exit_timeout_s": Option(variables.OTEL_PYTHON_MCP_EXIT_TIMEOUT, "seconds above 0, like 1.5, or none", seconds),
    "forward_environment": Option(variables.OTEL_PYTHON_MCP_FORWARD_ENVIRONMENT, _TRUTH, flag),
    "execute_tool": Option(variables.OTEL_PYTHON_MCP_EXECUTE_TOOL_SPANS, "own or enrich", choice("own", "enrich")),
}
_RESOURCES: Final[Mapping[str, Option]] = {
    **{name: Option(variables.OTEL_PYTHON_GROUNDHOG_RESOURCES, _TRUTH, flag) for name in ("process", "system")},
    "folders": Option(variables.OTEL_PYTHON_GROUNDHOG_FOLDERS, f"folders with {os.pathsep} between them", _folders),
}


def _arguments(kwargs: Mapping[str, Any], name: str, environ: Mapping[str, str]) -> Source:
    """Return the options among the arguments of ``instrument()``: a program's, or a configuration file's."""
    path = config_file(environ)
    where = f"for {name} in {path} or instrument()" if path is not None else "in instrument()"
    return Source({key: value for key, value in kwargs.items() if key not in _NOT_OPTIONS}, where)


_RUNTIME_PARTS: Final = frozenset({"event_loop", "worker_threads", "gc", "requests"})


class RuntimeSettings(NamedTuple):
    """What the runtime instrumentor reports on. Each field is also a keyword argument of its ``instrument()``."""

    parts: frozenset[str] = _RUNTIME_PARTS
    """Of ``event_loop``, ``worker_threads``, ``gc``, ``requests``."""
    blocking_threshold_ms: int = 100
    """From when on an event loop that runs nothing else counts as blocked, in milliseconds."""

    @classmethod
    def given(
        cls, kwargs: Mapping[str, Any], environ: Mapping[str, str] = os.environ
    ) -> tuple[RuntimeSettings, list[Problem]]:
        """Take the settings from the arguments of ``instrument()``, and what these leave open from the environment.

        An argument ``settings`` is taken in place of the environment.
        """
        base, sources = _sources(kwargs, "groundhog_runtime", _RUNTIME, environ)
        found, problems = chosen(_RUNTIME, sources, base or cls())
        return (base or cls())._replace(**found), problems


def _parts(given: object) -> frozenset[str]:
    parts = frozenset(name.lower() for name in names(given))
    if parts == {"none"}:
        return frozenset()
    if not parts <= _RUNTIME_PARTS:
        raise ValueError
    return parts


def _threshold(given: object) -> int:
    if length(given) < 10:  # the watchdog does not look more often than that
        raise ValueError
    return length(given)


_RUNTIME: Final[Mapping[str, Option]] = {
    "parts": Option(
        variables.OTEL_PYTHON_GROUNDHOG_RUNTIME,
        "any of event_loop, worker_threads, gc and requests, with commas between them, or none",
        _parts,
    ),
    "blocking_threshold_ms": Option(
        variables.OTEL_PYTHON_GROUNDHOG_BLOCKING_THRESHOLD_MS, "whole milliseconds, 10 or more", _threshold
    ),
}


def _sources(
    kwargs: Mapping[str, Any], name: str, options: Mapping[str, Option], environ: Mapping[str, str]
) -> tuple[Any, list[Source]]:
    """Return the argument ``settings``, and where else options come from: arguments, and the environment without it."""
    base = kwargs.get("settings")
    sources = [_arguments(kwargs, name, environ)]
    if base is None:
        sources.append(Source({key: environ.get(option.variable, "").strip() for key, option in options.items()}))
    return base, sources


class StackSettings(NamedTuple):
    """Where the local stack keeps its things and listens."""

    cache: Path
    """Built programs. Outside the clone, and kept."""
    state: Path
    """Logs, queues and data of the running stack."""
    ports: Mapping[str, int]
    """By the names of ``STACK_PORTS``. All on 127.0.0.1."""
    webhook: str | None = None
    """Where Alertmanager sends its notifications; None for what its configuration file says."""
    interval: str | None = None
    """How often metrics are flushed, scraped and evaluated (``1s``); None for what the configuration files say."""
    jaeger: Path | None = None
    """A Jaeger 2 to start rather than the one we build, which has no web pages."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> tuple[StackSettings, list[Problem]]:
        """Read the settings. Unlike a watched program's these are a command's: it reports a problem and stops."""
        problems: list[Problem] = []
        ports = {}
        for name, default in STACK_PORTS.items():
            variable = port_variable(name)
            raw = environ.get(variable) or str(default)
            if raw.isascii() and raw.isdigit() and 0 < int(raw) < 65536:
                ports[name] = int(raw)
            else:
                problems.append(f"{variable}={raw!r} is not a port. Write a number from 1 to 65535.")
        for port in sorted({port for port in ports.values() if list(ports.values()).count(port) > 1}):
            both = " and ".join(port_variable(name) for name, value in ports.items() if value == port)
            problems.append(f"{both} are the same port, {port}. Give each its own.")
        interval = environ.get(ENV_INTERVAL) or None
        if interval is not None and not re.fullmatch(r"[1-9][0-9]*s", interval):
            problems.append(f"{ENV_INTERVAL}={interval!r} is not an interval. Write whole seconds, like 5s.")
        webhook = environ.get(ENV_WEBHOOK) or None
        if webhook is not None and not re.fullmatch(r"https?://[^\s/]\S*", webhook):
            problems.append(f"{ENV_WEBHOOK}={webhook!r} is not a web address. Write http://host:port/path.")
        jaeger = environ.get(ENV_JAEGER_BIN) or None
        found_jaeger = shutil.which(jaeger) if jaeger is not None else None
        if jaeger is not None and found_jaeger is None:
            problems.append(f"{ENV_JAEGER_BIN}={jaeger!r} cannot be run. Write the path of Jaeger 2's program, jaeger.")
        home = Path(environ.get("HOME") or Path.home())
        cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "groundhog-otel"
        state = Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "groundhog-otel"
        found = cls(
            # Absolute, because the stack's programs run in a folder of their own.
            cache=Path(environ.get(ENV_CACHE_DIR) or cache).absolute(),
            state=Path(environ.get(ENV_STATE_DIR) or state).absolute(),
            ports=ports,
            webhook=webhook,
            interval=interval,
            jaeger=Path(found_jaeger).absolute() if found_jaeger is not None else None,
        )
        return found, problems


def port_variable(name: str) -> str:
    """Return the environment variable that sets a port of ``STACK_PORTS``."""
    return f"GROUNDHOG_PORT_{name.upper()}"


def store_directory(environ: Mapping[str, str] = os.environ) -> str:
    """Return the folder that the embedded mode writes to and reads from (``GROUNDHOG_DIR``, default ``.groundhog``)."""
    return environ.get(ENV_GROUNDHOG_DIR) or ".groundhog"


def inherited() -> dict[str, str]:
    """Return a copy of this process's environment, to start another program with."""
    return dict(os.environ)


def forwarded_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what makes another program record like this one: ``OTEL_*``, ``GROUNDHOG_*`` and the auto-instrumentation.

    What names this service is left out: its children are services of their own. Of ``PYTHONPATH`` it is the folder that
    ``opentelemetry-instrument`` puts there, and no other, so that nothing else changes what the program imports.
    """
    found = {key: value for key, value in environ.items() if key.startswith(("OTEL_", "GROUNDHOG_"))}
    found.pop("OTEL_SERVICE_NAME", None)
    named = found.pop("OTEL_RESOURCE_ATTRIBUTES", "")
    shared = [pair for pair in named.split(",") if pair.strip() and not pair.strip().startswith("service.")]
    if shared:
        found["OTEL_RESOURCE_ATTRIBUTES"] = ",".join(shared)
    path = environ.get("PYTHONPATH", "").split(os.pathsep)
    hooks = [folder for folder in path if folder.endswith(_AUTO_INSTRUMENTATION)]
    if hooks:
        found["PYTHONPATH"] = os.pathsep.join(hooks)
    return found


def run_id(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the run that ``groundhog run`` gave this process to join (``GROUNDHOG_RUN_ID``): the name of a folder.

    None when there is none, or when the value is a path and would lead out of the store.
    """
    value = environ.get(ENV_GROUNDHOG_RUN_ID, "")
    return value if value.strip(".") and not {"/", "\\", "\0"} & set(value) else None


def config_file(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the file that configures the SDK in place of the environment (``OTEL_CONFIG_FILE``), if there is one."""
    return environ.get(ENV_CONFIG_FILE) or None


def otlp_endpoint(environ: Mapping[str, str] = os.environ) -> str:
    """Return where the OTLP exporters send to, as the OpenTelemetry specification has it."""
    default = (
        "http://localhost:4318" if "http" in environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "") else "http://localhost:4317"
    )
    return environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environ.get(ENV_OTLP_ENDPOINT) or default


def warn(problems: list[Problem]) -> None:
    """Say each problem once, through logging (standard error, never standard output)."""
    for problem in problems:
        logger.warning("%s", problem)
