"""Where spans and metrics go, as a configuration file has it, and what such a file makes easy to forget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import util
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.util.re import parse_env_headers

from groundhog_otel.diagnosis.finding import Finding, fix, ok
from groundhog_otel.diagnosis.probe import Target
from groundhog_otel.diagnosis.targets import SIGNALS, Signal, console
from groundhog_otel.settings import (
    ActionSettings,
    McpSettings,
    MonitorSettings,
    ProfilingSettings,
    ResourceSettings,
    RuntimeSettings,
)

__all__ = ("from_file",)


def from_file(path: str, environ: Mapping[str, str]) -> Iterator[Finding | Target]:
    """Return the targets of the OTLP exporters in a file, and findings about the rest of it."""
    if util.find_spec("opentelemetry.configuration") is None:
        yield fix(
            "file",
            f"OTEL_CONFIG_FILE={path}, but what reads such files is not installed: nothing at all is instrumented",
            "pip install 'groundhog-otel[config]', or unset OTEL_CONFIG_FILE.",
        )
        return
    if not Path(path).is_file():
        says = f"OTEL_CONFIG_FILE={path} is not there: nothing at all is instrumented"
        yield fix("file", says, "Write the file's path, absolute or from where the program is started.")
        return
    from opentelemetry.configuration import load_config_file  # noqa: PLC0415 - of the extra "config"

    try:
        model: Any = load_config_file(path)
    except Exception as error:  # of several classes, none of them public
        first = str(error).strip().splitlines()[0]
        yield fix(
            "file", f"{path} is not a configuration: {first}", "Mend it; nothing at all is instrumented until then."
        )
        return
    yield ok("file", f"the SDK is configured by {path}, and not by OTEL_* variables")
    if model.disabled:
        yield fix("file", f"{path} has disabled: true", "Take that line out.")
        return
    if model.propagator is None:
        yield fix(
            "file",
            f"{path} has no propagator section: clients and servers get traces of their own",
            "Add: propagator: {composite_list: 'tracecontext,baggage'}",
        )
    yield from _options(path, model, environ)
    for signal in SIGNALS:
        yield from _exporters(path, signal, model)


def _options(path: str, model: Any, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Check the options of our instrumentors as they will be when it counts."""
    section = model.instrumentation_development
    listed: Mapping[str, Mapping[str, Any]] = (section.python or {}) if section is not None else {}
    ours: Mapping[str, Any] = {
        "groundhog_mcp": McpSettings, "groundhog_resources": ResourceSettings, "groundhog_runtime": RuntimeSettings,
        "groundhog_profiling": ProfilingSettings, "groundhog_monitor": MonitorSettings,
        "groundhog_actions": ActionSettings,
    }  # fmt: skip
    for name, settings in ours.items():
        options = dict(listed.get(name) or {})
        if options.pop("enabled", True) is False:
            yield fix("file", f"{path} has enabled: false for {name}", "Take that line out.")
        problems = settings.given(options, environ)[1]
        for problem in problems[: len(problems) - len(settings.given({}, environ)[1])]:
            yield fix("file", *_parted(problem))


def _parted(problem: str) -> tuple[str, str]:
    """Part a settings' problem into what is wrong and what to write, which is its last sentence."""
    says, _, do = problem.removesuffix(".").rpartition(". ")
    return says or problem, f"{do}."


def _exporters(path: str, signal: Signal, model: Any) -> Iterator[Finding | Target]:
    provider = model.tracer_provider if signal == "traces" else model.meter_provider
    if provider is None:
        section = "tracer_provider" if signal == "traces" else "meter_provider"
        yield fix(signal, f"{signal} go nowhere: {path} has no {section} section", "Add it, as in deploy/sdk.")
        return
    if signal == "traces":
        parts = [part.batch or part.simple for part in provider.processors or ()]
    else:
        parts = [part.periodic for part in provider.readers or ()]
    for exporter in (part.exporter for part in parts if part is not None):
        if exporter.console is not None:
            yield console(signal, f"the console exporter in {path}", "Write otlp_http or otlp_grpc.")
        elif exporter.otlp_grpc is not None or exporter.otlp_http is not None:
            yield _target(path, signal, exporter)
        else:
            yield ok(signal, f"{signal} go to another exporter, in {path}")


def _target(path: str, signal: Signal, exporter: Any) -> Finding | Target:
    grpc = exporter.otlp_grpc is not None
    config = exporter.otlp_grpc if grpc else exporter.otlp_http
    url = config.endpoint or ("http://localhost:4317" if grpc else f"http://localhost:4318/v1/{signal}")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return fix(signal, f"endpoint {url!r} in {path} is not a web address", "Write http://host:port.")
    headers = dict(parse_env_headers(config.headers_list or "", liberal=True))
    headers |= {one.name.lower(): one.value for one in config.headers or () if one.value is not None}
    tls = config.tls
    return Target(
        signal=signal,
        protocol="grpc" if grpc else "http/protobuf",
        url=url,
        secure=parts.scheme == "https",
        headers=headers,
        certificate=tls.ca_file if tls is not None else None,
        client=(tls.cert_file, tls.key_file) if tls is not None and tls.cert_file and tls.key_file else None,
        file=path,
    )
