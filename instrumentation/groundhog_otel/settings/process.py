"""What a process is told by its environment about where its telemetry goes, and what it passes on to others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

__all__ = (
    "ENV_GROUNDHOG_DIR",
    "ENV_GROUNDHOG_RUN_ID",
    "ENV_OTLP_ENDPOINT",
    "forwarded_environment",
    "inherited",
    "metric_interval_ms",
    "otlp_asked_for",
    "otlp_endpoint",
    "otlp_protocol",
    "run_id",
    "sdk_disabled",
    "store_directory",
    "variable",
)

ENV_OTLP_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
ENV_GROUNDHOG_DIR: Final = "GROUNDHOG_DIR"
ENV_GROUNDHOG_RUN_ID: Final = "GROUNDHOG_RUN_ID"
_AUTO_INSTRUMENTATION: Final = str(Path("opentelemetry", "instrumentation", "auto_instrumentation"))


def store_directory(environ: Mapping[str, str] = os.environ) -> str:
    """Return the folder that the embedded mode writes to and reads from (``GROUNDHOG_DIR``, default ``.groundhog``)."""
    return environ.get(ENV_GROUNDHOG_DIR) or ".groundhog"


def inherited() -> dict[str, str]:
    """Return a copy of this process's environment, to start another program with."""
    return dict(os.environ)


def variable(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the variable that a user has named, as the one that holds a secret; None when it is not set."""
    return environ.get(name)


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


def sdk_disabled(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether telemetry is switched off as a whole (``OTEL_SDK_DISABLED``)."""
    return environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def otlp_asked_for(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether somebody has named an endpoint of OTLP, for everything or for traces."""
    return bool(environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environ.get(ENV_OTLP_ENDPOINT))


def otlp_protocol(signal: Literal["traces", "metrics"], environ: Mapping[str, str] = os.environ) -> str:
    """Return the protocol that a signal is exported by, as the OpenTelemetry specification has it; the SDK's default
    is ``grpc``."""
    own = environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL")
    return (own or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or "grpc").strip()


def metric_interval_ms(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return how often metrics are to be exported (``OTEL_METRIC_EXPORT_INTERVAL``); None when nobody has said."""
    try:
        interval_ms = float(environ.get("OTEL_METRIC_EXPORT_INTERVAL", ""))
    except ValueError:
        return None
    return interval_ms if interval_ms > 0 else None


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
