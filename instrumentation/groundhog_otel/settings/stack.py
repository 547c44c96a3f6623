"""The settings of the local stack: a command's, not a watched program's."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from groundhog_otel.settings.options import Problem

__all__ = (
    "ENV_CACHE_DIR",
    "ENV_INTERVAL",
    "ENV_JAEGER_BIN",
    "ENV_PORT_OFFSET",
    "ENV_STATE_DIR",
    "ENV_TRACES_KEPT",
    "ENV_WEBHOOK",
    "STACK_PORTS",
    "UDP_PORTS",
    "StackSettings",
    "port_variable",
)

ENV_CACHE_DIR: Final = "GROUNDHOG_CACHE_DIR"
ENV_STATE_DIR: Final = "GROUNDHOG_STATE_DIR"
ENV_WEBHOOK: Final = "GROUNDHOG_WEBHOOK"
ENV_INTERVAL: Final = "GROUNDHOG_INTERVAL"
ENV_JAEGER_BIN: Final = "GROUNDHOG_JAEGER_BIN"
ENV_TRACES_KEPT: Final = "GROUNDHOG_TRACES_KEPT"
ENV_PORT_OFFSET: Final = "GROUNDHOG_PORT_OFFSET"
STACK_PORTS: Final[Mapping[str, int]] = {
    "otlp_grpc": 4317,
    "otlp_http": 4318,
    "collector_health": 13133,
    "collector_metrics": 8888,
    "collector_jaeger_udp": 6831,
    "collector_jaeger_http": 14268,
    "span_metrics": 8889,
    "jaeger_otlp": 14317,
    "jaeger_otlp_http": 14318,
    "jaeger_query": 16686,
    "jaeger_grpc": 16685,
    "jaeger_health": 13134,
    "prometheus": 9090,
    "alertmanager": 9093,
    "relay": 9095,
}
UDP_PORTS: Final = frozenset({"collector_jaeger_udp"})
"""Those of ``STACK_PORTS`` that are not TCP."""


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
    traces_kept: str | None = None
    """How long Jaeger keeps a trace (``72h``); None for what its configuration file says."""
    jaeger: Path | None = None
    """A Jaeger 2 to start rather than the one we build, which has no web pages."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> tuple[StackSettings, list[Problem]]:
        """Read the settings. Unlike a watched program's these are a command's: it reports a problem and stops."""
        problems: list[Problem] = []
        ports = {}
        offset = environ.get(ENV_PORT_OFFSET) or "0"
        if not (offset.isascii() and offset.isdigit() and max(STACK_PORTS.values()) + int(offset) < 65536):
            most = 65535 - max(STACK_PORTS.values())
            problems.append(f"{ENV_PORT_OFFSET}={offset!r} cannot be added to every port. Write 0 to {most}.")
            offset = "0"
        for name, default in STACK_PORTS.items():
            variable = port_variable(name)
            raw = environ.get(variable) or str(default + int(offset))
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
        traces_kept = environ.get(ENV_TRACES_KEPT) or None
        if traces_kept is not None and not re.fullmatch(r"[1-9][0-9]*h", traces_kept):
            problems.append(f"{ENV_TRACES_KEPT}={traces_kept!r} is not a time. Write whole hours, like 72h.")
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
            traces_kept=traces_kept,
            jaeger=Path(found_jaeger).absolute() if found_jaeger is not None else None,
        )
        return found, problems


def port_variable(name: str) -> str:
    """Return the environment variable that sets a port of ``STACK_PORTS``."""
    return f"GROUNDHOG_PORT_{name.upper()}"
