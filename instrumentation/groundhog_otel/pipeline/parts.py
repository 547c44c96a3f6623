"""The four parts of the stack: where each listens, and all that it is started with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from groundhog_otel.pipeline.builds import Programs
from groundhog_otel.settings.stack import StackSettings

__all__ = ("PARTS", "Part", "Recipe", "recipes")


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
    Part("Prometheus", ("prometheus",), ("prometheus", "/-/ready")),
    Part(
        "Collector",
        ("otlp_http", "otlp_grpc", "collector_health", "collector_metrics", "span_metrics"),
        ("collector_health", "/"),
    ),
)
"""In the order in which they start: who sends to whom comes last. They stop in the opposite one."""


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
    settings: StackSettings, programs: Programs, *, project: Path, config: Path, collector: Mapping[str, str]
) -> dict[str, Recipe]:
    """Return every part's recipe by name.

    ``config`` is the folder that :func:`write_configs` filled, ``collector`` what ``otel-config.yaml`` reads from the
    environment.
    """
    ports, state = settings.ports, settings.state
    prometheus, alertmanager, jaeger = (config / name for name in ("prometheus.yml", "alertmanager.yml", "jaeger.yaml"))
    otel_config = project / "otel-config.yaml"
    return {
        # Without the sampler it sends traces of itself to the Collector.
        "Jaeger": Recipe(
            (str(programs["jaeger"]), "--config", str(jaeger)), {"OTEL_TRACES_SAMPLER": "always_off"}, (jaeger,)
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
