"""What else here makes spans of MCP operations, so that every call would be counted twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Final

from groundhog_otel.diagnosis.finding import Finding, fix, note
from groundhog_otel.diagnosis.instrumented import disabled, instrumentors

__all__ = ("peers",)

_KNOWN: Final[Mapping[str, str]] = {
    "opentelemetry.instrumentation.mcp": "opentelemetry-instrumentation-mcp (OpenLLMetry, Traceloop)",
    "openinference.instrumentation.mcp": "openinference-instrumentation-mcp",
    "amazon.opentelemetry.distro": "aws-opentelemetry-distro (ADOT)",
}
"""By the packages that their entry points name."""

_WHEN_ASKED: Final[Mapping[str, str]] = {
    "logfire": "once the program calls logfire.instrument_mcp(); leave that call out",
    "sentry-sdk": "for Sentry only, once the program calls sentry_sdk.init() with traces_sample_rate; "
    "give it disabled_integrations=[MCPIntegration()]",
    "openlit": "once the program calls openlit.init(); give it disabled_instrumentors=['mcp']",
    "ddtrace": "under ddtrace-run or ddtrace.patch(); set DD_TRACE_MCP_ENABLED=false",
    "traceloop-sdk": "once the program calls Traceloop.init(); give it block_instruments={Instruments.MCP}",
}
"""Distributions that instrument MCP from inside the program, and how to keep them from it."""


def peers(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Tell what else instruments MCP in this environment."""
    off = disabled(environ)
    others = {entry.module: entry.name for entry in instrumentors() if _is_peer(entry) and not off & {entry.name, "*"}}
    every = ",".join(sorted({*off, *others.values()}))
    for module in sorted(others):
        who = next((said for package, said in _KNOWN.items() if module.startswith(package)), module)
        yield fix(
            "peers",
            f"{who} instruments MCP as well; ours stands in for it",
            f"Set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={every}, or OTEL_PYTHON_MCP_NATIVE_SPANS=keep to have theirs.",
        )
    for name, when in _WHEN_ASKED.items():
        version = _version(name)
        if version is not None:
            asked, _, instead = when.partition("; ")
            yield note("peers", f"{name} {version} instruments MCP {asked}", f"To have one span each, {instead}.")
    fastmcp = _version("fastmcp")
    if fastmcp is not None and not fastmcp.startswith(("0.", "1.", "2.")):
        yield note("peers", f"fastmcp {fastmcp} makes spans of its own")


def _is_peer(entry: metadata.EntryPoint) -> bool:
    parts = entry.module.split(".")
    return "mcp" in parts and parts[0] != "groundhog_otel"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
