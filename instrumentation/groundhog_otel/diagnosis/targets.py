"""Where spans and metrics go, as the environment has it: exporters, protocol, endpoint, sampler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Final, Literal
from urllib.parse import urlsplit

from opentelemetry.util.re import parse_env_headers

from groundhog_otel.diagnosis.finding import Finding, fix, note, ok
from groundhog_otel.diagnosis.probe import Protocol, Target

__all__ = ("SIGNALS", "console", "from_environment", "sampler")

Signal = Literal["traces", "metrics"]
SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics")
_OTLP: Final[Mapping[str, Protocol]] = {"grpc": "grpc", "http/protobuf": "http/protobuf"}
_FIXED: Final[Mapping[str, Protocol]] = {"otlp_proto_grpc": "grpc", "otlp_proto_http": "http/protobuf"}
_RATIOS: Final = ("traceidratio", "parentbased_traceidratio")


def _silent(environ: Mapping[str, str]) -> bool:
    return all((environ.get(f"OTEL_{signal.upper()}_EXPORTER") or "").strip().lower() == "none" for signal in SIGNALS)


def from_environment(environ: Mapping[str, str]) -> Iterator[Finding | Target]:
    """Return the targets of OTLP exporters, and findings about everything else."""
    for signal in SIGNALS:
        variable = f"OTEL_{signal.upper()}_EXPORTER"
        names = [name.strip() for name in (environ.get(variable) or "otlp").split(",")]
        if [name.lower() for name in names] == ["none"]:
            says, do = f"{signal} go nowhere: {variable}=none", f"Unset {variable}, or set it to otlp."
            # One of the two is a choice: Jaeger takes no metrics, Prometheus no traces.
            yield fix(signal, says, do) if _silent(environ) else note(signal, says, f"{do[:-1]}, if you want them.")
            continue
        for name in names:
            if name == "console":
                yield console(signal, f"{variable}=console", f"Set {variable} to otlp, or to groundhog_file.")
            elif name == "otlp" or name in _FIXED:
                yield from _otlp(signal, name, environ)
            elif not metadata.entry_points(group=f"opentelemetry_{signal}_exporter", name=name):
                yield _missing(signal, name, variable)
            else:
                yield ok(signal, f"{signal} go to the exporter {name}")


def console(signal: str, says: str, do: str) -> Finding:
    """Return the finding of an exporter that writes to standard output."""
    return fix(signal, f"{says} writes {signal} to standard output, which is a stdio server's protocol", do)


def sampler(environ: Mapping[str, str]) -> Finding:
    """Tell which traces are kept."""
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip() or "parentbased_always_on"
    given = environ.get("OTEL_TRACES_SAMPLER_ARG")
    if not metadata.entry_points(group="opentelemetry_traces_sampler", name=name):
        known = ", ".join(sorted(entry.name for entry in metadata.entry_points(group="opentelemetry_traces_sampler")))
        return fix("sampler", f"OTEL_TRACES_SAMPLER={name} is not installed; every trace is kept", f"Write: {known}.")
    if name.endswith("always_off"):
        return fix("sampler", f"OTEL_TRACES_SAMPLER={name} keeps no trace", "Write parentbased_always_on.")
    if name not in _RATIOS:
        return ok("sampler", name)
    try:
        ratio = float(given or "")
    except ValueError:
        ratio = -1.0
    if not 0 < ratio <= 1:
        says = "keeps no trace" if ratio == 0 else f"with OTEL_TRACES_SAMPLER_ARG={given!r} is not a sampler"
        return fix("sampler", f"{name} {says}", "Set OTEL_TRACES_SAMPLER_ARG to a share from 0 to 1, like 0.1.")
    return ok("sampler", f"{name}: {ratio:.4g} of all traces")


def _missing(signal: str, name: str, variable: str) -> Finding:
    package = f"opentelemetry-exporter-{name.replace('_', '-')}"
    return fix(
        signal,
        f"{variable}={name}, but no such exporter is installed: nothing at all is instrumented",
        f"pip install {package} (or where {name} comes from), or set {variable}=otlp.",
    )


def _otlp(signal: Signal, exporter: str, environ: Mapping[str, str]) -> Iterator[Finding | Target]:
    """Return the target as the OTLP exporters of the SDK make it (OpenTelemetry specification, "OTLP Exporter")."""

    def variable(what: str) -> str:
        own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_{what}"
        return own if environ.get(own) else f"OTEL_EXPORTER_OTLP_{what}"

    def value(what: str) -> str | None:
        return environ.get(variable(what)) or None

    asked = (value("PROTOCOL") or "grpc").strip()
    protocol = _FIXED.get(exporter) or _OTLP.get(asked)
    if protocol is None:
        yield fix(
            signal,
            f"{variable('PROTOCOL')}={asked} is not a protocol of the Python exporters: nothing at all is instrumented",
            "Write grpc or http/protobuf.",
        )
        return
    package = "opentelemetry-exporter-otlp-proto-" + ("grpc" if protocol == "grpc" else "http")
    if not metadata.entry_points(
        group=f"opentelemetry_{signal}_exporter", name="otlp_proto_" + package.rpartition("-")[2]
    ):
        yield fix(signal, f"the exporter for {protocol} is not installed", f"pip install {package}")
        return
    url = value("ENDPOINT") or ("http://localhost:4317" if protocol == "grpc" else "http://localhost:4318")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        yield fix(signal, f"{variable('ENDPOINT')}={url!r} is not a web address", "Write http://host:port.")
        return
    own = variable("ENDPOINT") != "OTEL_EXPORTER_OTLP_ENDPOINT"
    if protocol != "grpc" and not own:
        if parts.path.rstrip("/").endswith(("/v1/traces", "/v1/metrics", "/v1/logs")):
            base = url[: url.rindex("/v1/")]
            yield fix(
                signal,
                f"OTEL_EXPORTER_OTLP_ENDPOINT={url} has a signal's path, and the exporter adds /v1/{signal} to it",
                f"Set OTEL_EXPORTER_OTLP_ENDPOINT={base}",
            )
            return
        url = f"{url.removesuffix('/')}/v1/{signal}"
    insecure = value("INSECURE")
    secure = parts.scheme == "https" or (protocol == "grpc" and insecure is not None and insecure.lower() != "true")
    if secure and parts.scheme == "http":
        yield note(signal, f"{variable('INSECURE')}={insecure} asks for TLS, in spite of http:// in the endpoint")
    certificate, key = value("CLIENT_CERTIFICATE"), value("CLIENT_KEY")
    yield Target(
        signal=signal,
        protocol=protocol,
        url=url,
        secure=secure,
        headers=parse_env_headers(value("HEADERS") or "", liberal=True),
        certificate=value("CERTIFICATE"),
        client=(certificate, key) if certificate and key else None,
    )
