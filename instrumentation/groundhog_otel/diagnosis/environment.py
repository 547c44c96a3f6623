"""What in the environment is misspelled, not understood, or keeps everything from working."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import metadata, util
from typing import Final

from groundhog_otel.diagnosis.finding import Finding, fix, note
from groundhog_otel.settings import (
    ENV_CAPTURE_CONTENT,
    ActionSettings,
    McpSettings,
    MonitorSettings,
    ProfilingSettings,
    ResourceSettings,
    RuntimeSettings,
    sdk_disabled,
)

__all__ = ("environment", "known_variables")

_CLOSE: Final = 0.87
"""How alike two names are, of 1, for one to be a misspelling: one letter in twelve, or two that changed places."""
_OTHERS: Final = re.compile(r"OTEL_(PYTHON_\w+_EXCLUDED_URLS|INSTRUMENTATION_\w+|SEMCONV_\w+|\w+_OPT_IN)")
"""Names that instrumentations define without declaring them."""


def environment(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Tell what is wrong with the environment."""
    if sdk_disabled(environ):
        yield fix("environment", "OTEL_SDK_DISABLED=true: nothing is recorded", "Unset OTEL_SDK_DISABLED.")
    settings, problems = McpSettings.from_environ(environ)
    for others in (ResourceSettings, RuntimeSettings, ProfilingSettings, MonitorSettings, ActionSettings):
        problems += others.given({}, environ)[1]
    for problem in problems:
        says, _, do = problem.removesuffix(".").rpartition(". ")
        yield fix("settings", says, f"{do}.") if says else note("settings", problem)
    if isinstance(settings.redact, str):
        package = settings.redact.partition(":")[0].partition(".")[0]
        if util.find_spec(package) is None:
            yield fix(
                "settings",
                f"OTEL_PYTHON_MCP_REDACTOR={settings.redact}: no module {package} is found; no content is captured",
                "Install it, or add its folder to PYTHONPATH.",
            )
    known = known_variables()
    for name in sorted(environ):
        if name.startswith("OTEL_") and name not in known and not _OTHERS.fullmatch(name):
            for meant in get_close_matches(name, known, n=1, cutoff=_CLOSE):
                yield fix("environment", f"{name} is no variable of OpenTelemetry's", f"Write {meant}.")
    distros = sorted(entry.name for entry in metadata.entry_points(group="opentelemetry_distro"))
    if len(distros) > 1 and not environ.get("OTEL_PYTHON_DISTRO"):
        names = ", ".join(distros)
        yield note("environment", f"any of these distros may be used: {names}", "Name one in OTEL_PYTHON_DISTRO.")


@cache
def known_variables() -> frozenset[str]:
    """Return the variables that installed packages declare, as ``opentelemetry-instrument`` finds them."""
    names = {ENV_CAPTURE_CONTENT}
    for entry in metadata.entry_points(group="opentelemetry_environment_variables"):
        try:
            names |= {name for name in dir(entry.load()) if name.startswith("OTEL_")}
        except Exception:  # noqa: S112 - another package's, which may be broken
            continue
    return frozenset(names)
