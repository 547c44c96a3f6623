"""What ``opentelemetry-instrument`` would watch here: mcp, resources, and what else is installed for it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from importlib import import_module, metadata
from typing import Any, Final

from groundhog_otel.diagnosis.finding import Finding, fix, note, ok
from groundhog_otel.mcp.instrumentor import _hooks, _unsupported
from groundhog_otel.mcp.patching import Hook
from groundhog_otel.mcp.telemetry import Telemetry
from groundhog_otel.settings import (
    ActionSettings,
    McpSettings,
    MonitorSettings,
    ProfilingSettings,
    ResourceSettings,
    RuntimeSettings,
)

__all__ = ("disabled", "instrumentors", "watched")

_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
_GROUP: Final = "opentelemetry_instrumentor"


def watched(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Tell what is watched, and what keeps the rest from it. Imports the parts of mcp that are hooked."""
    off = disabled(environ)
    if off & {"groundhog_mcp", "*"}:
        yield _switched_off("mcp", "MCP is not instrumented", "groundhog_mcp", off)
    else:
        yield from _mcp(McpSettings.from_environ(environ)[0])
    settings = ResourceSettings.from_environ(environ)[0]
    parts = [name for name in ("process", "system") if getattr(settings, name)]
    if off & {"groundhog_resources", "*"}:
        yield _switched_off("resources", "resources are not measured", "groundhog_resources", off)
    elif parts:
        yield ok("resources", f"CPU, memory, disk and network are measured: {', '.join(parts)}")
    else:
        yield note("resources", "nothing is measured: OTEL_PYTHON_GROUNDHOG_RESOURCES=none")
    runtime = sorted(RuntimeSettings.given({}, environ)[0].parts)
    if off & {"groundhog_runtime", "*"}:
        yield _switched_off("runtime", "the runtime is not measured", "groundhog_runtime", off)
    elif runtime:
        yield ok("runtime", f"the runtime is measured: {', '.join(runtime)}")
    else:
        yield note("runtime", "nothing is measured: OTEL_PYTHON_GROUNDHOG_RUNTIME=none")
    modes = sorted(ProfilingSettings.given({}, environ)[0].modes)
    if modes and off & {"groundhog_profiling", "*"}:
        yield _switched_off("profiling", "nothing is profiled", "groundhog_profiling", off)
    elif modes:
        yield ok("profiling", f"profiles are taken: {', '.join(modes)}")
    yield from _monitored(MonitorSettings.given({}, environ)[0], off)
    yield from _actions(environ, off)
    others = sorted({entry.name for entry in instrumentors() if not entry.name.startswith("groundhog_")})
    if others:
        said = ", ".join(f"{name} (disabled)" if off & {name, "*"} else name for name in others)
        yield note("others", f"other instrumentations installed: {said}")


def _monitored(settings: MonitorSettings, off: set[str]) -> Iterator[Finding]:
    """Tell where the process answers for its health; nothing where it is not asked to."""
    if settings.active and off & {"groundhog_monitor", "*"}:
        yield _switched_off("monitor", "nobody is told how healthy the process is", "groundhog_monitor", off)
    elif settings.port is not None:
        port = f"port {settings.port}" if settings.port else "any free port: groundhog health PID finds it"
        yield ok("monitor", f"health is served on {settings.address}, {port}")
    elif settings.active:
        yield ok("monitor", f"metrics are stored beside the recordings every {settings.store_every_s:g} s")


def _actions(environ: Mapping[str, str], off: set[str]) -> Iterator[Finding]:
    actions = ActionSettings.given({}, environ)[0].actions
    if actions and off & {"groundhog_actions", "*"}:
        yield _switched_off("actions", "no action is applied", "groundhog_actions", off)
    elif actions:
        yield ok("actions", f"actions are applied at the start: {'; '.join(map(str, actions))}")


def disabled(environ: Mapping[str, str]) -> set[str]:
    """Return the instrumentations that the environment turns off; ``*`` is all of them."""
    return {name.strip() for name in environ.get(_DISABLED, "").split(",") if name.strip()}


def instrumentors() -> list[metadata.EntryPoint]:
    """Return what ``opentelemetry-instrument`` would load in this environment; two may have the same name."""
    return list(metadata.entry_points(group=_GROUP))


def _switched_off(about: str, says: str, name: str, off: set[str]) -> Finding:
    word = "*" if "*" in off else name
    return fix(about, f"{says}: {_DISABLED} has {word}", f"Take {word} out of {_DISABLED}.")


def _mcp(settings: McpSettings) -> Iterator[Finding]:
    problem = _unsupported()
    if problem is not None:
        says, _, what = problem.partition(". ")
        yield fix("mcp", f"MCP is not instrumented: {says}", what)
        return
    version = metadata.version("mcp")
    hooks = _hooks(Telemetry(settings))
    generation = "2.x" if any(hook.module == "mcp.shared.jsonrpc_dispatcher" for hook in hooks) else "1.x"
    missing = {hook: why for hook in hooks if (why := _absent(hook)) is not None}
    lost = {f"{hook.module}.{hook.path}": why for hook, why in missing.items() if not hook.optional}
    wanted = len(hooks) - (len(missing) - len(lost))
    if not lost:
        yield ok("mcp", f"mcp {version} is instrumented as SDK {generation}: {wanted} of {wanted} hooks apply")
        return
    yield fix(
        "mcp",
        f"mcp {version} is instrumented in part, as SDK {generation}: {wanted - len(lost)} of {wanted} hooks apply. "
        f"Not: {'; '.join(f'{name} ({why})' for name, why in lost.items())}",
        "pip install -U groundhog-otel, or install a release of mcp that it knows: pip install 'mcp>=1.10,<3'.",
    )


def _absent(hook: Hook) -> str | None:
    """Return why there is nothing to hook; None when there is."""
    try:
        module: Any = import_module(hook.module)
        *parents, name = hook.path.split(".")
        owned = vars(functools.reduce(getattr, parents, module))
        return None if hook.adds or name in owned else "not there"
    except Exception as error:  # an import may raise anything
        return f"{type(error).__name__}: {error}"
