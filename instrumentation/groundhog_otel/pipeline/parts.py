"""The five parts of the stack: where each listens, and all that it is started with."""

from __future__ import annotations

import difflib
import hashlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from groundhog_otel.pipeline import StackError
from groundhog_otel.pipeline.builds import Programs
from groundhog_otel.settings.stack import StackSettings

__all__ = ("PARTS", "Part", "Recipe", "part_named", "recipes")

_RELAYS: Final = {"alertmanager": "alertmanager", "prometheus": "prometheus", "jaeger": "jaeger_query"}
_TRACES_KEPT: Final = "extensions.jaeger_storage.backends.badger.badger.ttl.spans"


@dataclass(frozen=True, slots=True)
class Part:
    """One program of the stack."""

    name: str
    ports: tuple[str, ...]
    """All it listens on, by the names of ``STACK_PORTS``; the first is what its users come to."""
    health: tuple[str, str]
    """The port and path that answer 200 when it is well."""


PARTS: Final = (
    Part(
        "Jaeger",
        ("jaeger_query", "jaeger_otlp", "jaeger_otlp_http", "jaeger_grpc", "jaeger_health"),
        ("jaeger_health", "/status"),
    ),
    Part("Alertmanager", ("alertmanager",), ("alertmanager", "/-/ready")),
    Part("Relay", ("relay",), ("relay", "/-/healthy")),
    Part("Prometheus", ("prometheus",), ("prometheus", "/-/ready")),
    Part(
        "Collector",
        (
            "otlp_http",
            "otlp_grpc",
            "collector_jaeger_udp",
            "collector_jaeger_http",
            "collector_health",
            "collector_metrics",
            "span_metrics",
        ),
        ("collector_health", "/"),
    ),
)
"""In the order in which they start: who sends to whom comes last. They stop in the opposite one."""


def part_named(name: str) -> Part:
    """Return a part by its name, in whatever case.

    Raises:
        StackError: there is none.
    """
    names = {part.name.lower(): part for part in PARTS}
    if found := names.get(name.lower()):
        return found
    near = [one for one in names if one.startswith(name.lower())] or difflib.get_close_matches(name.lower(), names)
    meant = f"Did you mean {near[0]}? " if near else ""
    raise StackError(f"the stack has no part {name!r}. {meant}Its parts: {', '.join(names)}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a part is started with."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    """What it gets beside the environment of whoever starts it."""
    reads: tuple[Path, ...]
    """Its configuration files."""

    def digest(self) -> str:
        """Return what two recipes have in common only when they start the same thing."""
        words: Iterable[str] = (
            *self.command,
            *(f"{name}={self.environment[name]}" for name in sorted(self.environment)),
        )
        found = hashlib.sha256("\0".join(words).encode())
        for file in self.reads:
            found.update(b"\0" + file.read_bytes())
        return found.hexdigest()


def recipes(
    settings: StackSettings, programs: Programs, *, config: Path, collector: Mapping[str, str]
) -> dict[str, Recipe]:
    """Return every part's recipe by name.

    ``config`` is the folder that :func:`write_configs` filled, ``collector`` what ``otel-config.yaml`` reads from the
    environment.
    """
    ports, state = settings.ports, settings.state
    prometheus, alertmanager = config / "prometheus.yml", config / "alertmanager.yml"
    jaeger = (config / "jaeger.yaml", config / "badger.yaml")
    kept = (f"--set={_TRACES_KEPT}={settings.traces_kept}",) if settings.traces_kept else ()
    otel_config = config / "otel-config.yaml"
    return {
        "Jaeger": Recipe(
            (str(programs["jaeger"]), *(f"--config={file}" for file in jaeger), *kept),
            # Without the sampler it sends traces of itself to the Collector.
            {"OTEL_TRACES_SAMPLER": "always_off", "GROUNDHOG_JAEGER_STATE": str(state / "jaeger")},
            jaeger,
        ),
        "Alertmanager": Recipe(
            (
                str(programs["alertmanager"]),
                f"--config.file={alertmanager}",
                f"--storage.path={state / 'alertmanager'}",
                f"--web.listen-address=127.0.0.1:{ports['alertmanager']}",
                "--cluster.listen-address=",
            ),
            {},
            (alertmanager,),
        ),
        "Relay": Recipe(
            (
                sys.executable,
                "-m",
                "groundhog_otel.cli.relay",
                f"--listen=127.0.0.1:{ports['relay']}",
                *(f"--{name}=http://127.0.0.1:{ports[port]}" for name, port in _RELAYS.items()),
            ),
            {},
            (),
        ),
        "Prometheus": Recipe(
            (
                str(programs["prometheus"]),
                f"--config.file={prometheus}",
                f"--storage.tsdb.path={state / 'prometheus'}",
                "--storage.tsdb.retention.time=15d",
                f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
                "--enable-feature=exemplar-storage",
            ),
            {},
            (prometheus, *sorted((config / "rules").glob("*.yml"))),
        ),
        "Collector": Recipe(
            (str(programs["groundhog-collector"]), "--config", str(otel_config)), collector, (otel_config,)
        ),
    }
