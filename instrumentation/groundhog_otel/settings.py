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
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

__all__ = (
    "ENV_CACHE_DIR",
    "ENV_EXCLUDED_METHODS",
    "ENV_FOLDERS",
    "ENV_GROUNDHOG_DIR",
    "ENV_GROUNDHOG_RUN_ID",
    "ENV_INTERVAL",
    "ENV_JAEGER_BIN",
    "ENV_NATIVE_SPANS",
    "ENV_OTLP_ENDPOINT",
    "ENV_RESOURCES",
    "ENV_STATE_DIR",
    "ENV_WEBHOOK",
    "STACK_PORTS",
    "McpSettings",
    "Problem",
    "ResourceSettings",
    "StackSettings",
    "inherited",
    "otlp_endpoint",
    "port_variable",
    "run_id",
    "store_directory",
    "warn",
)

logger = logging.getLogger("groundhog_otel")

ENV_NATIVE_SPANS: Final = "OTEL_PYTHON_MCP_NATIVE_SPANS"
ENV_EXCLUDED_METHODS: Final = "OTEL_PYTHON_MCP_EXCLUDED_METHODS"
ENV_RESOURCES: Final = "OTEL_PYTHON_GROUNDHOG_RESOURCES"
ENV_FOLDERS: Final = "OTEL_PYTHON_GROUNDHOG_FOLDERS"
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

Problem = str
"""One sentence about a setting that was not usable: what it is, what was used instead, what to write."""

NativeSpans = Literal["replace", "keep"]


@dataclass(frozen=True, slots=True)
class McpSettings:
    """How the MCP instrumentor behaves."""

    native_spans: NativeSpans = "replace"
    """``replace``: our span stands in for the SDK's own. ``keep``: the SDK's spans stay, we add metrics only."""
    excluded_methods: tuple[str, ...] = ()
    """Wire methods, or ``fnmatch`` patterns of them, that get neither span nor metric. Context still propagates."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> tuple[McpSettings, list[Problem]]:
        """Read the settings; unusable values fall back to the default and are described in the second item."""
        problems: list[Problem] = []
        native = environ.get(ENV_NATIVE_SPANS, "").strip().lower() or "replace"
        if native not in ("replace", "keep"):
            problems.append(f"{ENV_NATIVE_SPANS}={native!r} is not understood; using 'replace'. Write replace or keep.")
            native = "replace"
        excluded = tuple(part for raw in environ.get(ENV_EXCLUDED_METHODS, "").split(",") if (part := raw.strip()))
        return cls(native_spans="keep" if native == "keep" else "replace", excluded_methods=excluded), problems


@dataclass(frozen=True, slots=True)
class ResourceSettings:
    """What the resource instrumentor reports on."""

    process: bool = True
    system: bool = False
    """The host's figures too: for one process per host, because each would report the same."""
    folders: tuple[str, ...] = ()
    """Folders whose size on disk is reported."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> tuple[ResourceSettings, list[Problem]]:
        """Read the settings; an unusable value gives the default and is described in the second item."""
        raw = environ.get(ENV_RESOURCES, "").strip().lower() or "process"
        folders = tuple(path for path in environ.get(ENV_FOLDERS, "").split(os.pathsep) if path)
        parts = {part.strip() for part in raw.split(",")}
        if parts == {"none"}:
            return cls(process=False, folders=folders), []
        if parts <= {"process", "system"}:
            return cls(process="process" in parts, system="system" in parts, folders=folders), []
        choices = "process, system, process,system or none"
        return cls(folders=folders), [f"{ENV_RESOURCES}={raw!r} is not understood; using 'process'. Write {choices}."]


@dataclass(frozen=True, slots=True)
class StackSettings:
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


def run_id(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the run that ``groundhog run`` gave this process to join (``GROUNDHOG_RUN_ID``): the name of a folder.

    None when there is none, or when the value is a path and would lead out of the store.
    """
    value = environ.get(ENV_GROUNDHOG_RUN_ID, "")
    return value if value.strip(".") and not {"/", "\\", "\0"} & set(value) else None


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
