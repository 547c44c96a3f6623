"""The stack's configuration: the repository's own files, with other addresses where a setting asks for them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from groundhog_otel.pipeline import StackError
from groundhog_otel.settings import inherited
from groundhog_otel.settings.stack import STACK_PORTS, StackSettings

__all__ = ("collector_environment", "keep_configs", "restore_configs", "write_configs")

_ALERTS_TO: Final = 'targets: ["127.0.0.1:9093"]'
"""Prometheus' alerts go through the relay, which gives them links to their traces."""
_WEBHOOK: Final = "http://127.0.0.1:5001/alerts"
_SECRET: Final = re.compile(r"_file: secrets/([A-Z_][A-Z0-9_]*)")
_MEMORY: Final = re.compile(r"env:GROUNDHOG_MEMORY_MIB:-(\d+)")


def collector_environment(project: Path, settings: StackSettings, extra: Mapping[str, str]) -> dict[str, str]:
    """Return what ``otel-config.yaml`` reads from the environment: inherited, ours, ``extra``; the last prevails."""
    text = _read(project / "otel-config.yaml")
    known = set(re.findall(r"\$\{env:(\w+)", text))
    ports = settings.ports
    addresses = {
        "GROUNDHOG_OTLP_GRPC": "otlp_grpc",
        "GROUNDHOG_OTLP_HTTP": "otlp_http",
        "GROUNDHOG_JAEGER_UDP": "collector_jaeger_udp",
        "GROUNDHOG_JAEGER_HTTP": "collector_jaeger_http",
        "GROUNDHOG_HEALTH": "collector_health",
        "GROUNDHOG_PROMETHEUS_EXPORTER": "span_metrics",
        "GROUNDHOG_JAEGER_OTLP": "jaeger_otlp",
    }
    found = {variable: f"127.0.0.1:{ports[name]}" for variable, name in addresses.items()}
    found["GROUNDHOG_COLLECTOR_METRICS_PORT"] = str(ports["collector_metrics"])
    found["GROUNDHOG_COLLECTOR_STATE"] = str(settings.state / "collector")
    if settings.interval is not None:
        found["GROUNDHOG_FLUSH"] = settings.interval
    found = {name: value for name, value in inherited().items() if name in known} | found | dict(extra)
    default = _MEMORY.search(text)
    memory_mib = found.get("GROUNDHOG_MEMORY_MIB") or (default[1] if default is not None else "")
    if memory_mib.isascii() and memory_mib.isdigit():
        # The limiter counts the heap; this keeps the garbage collector in step with it.
        found["GOMEMLIMIT"] = f"{memory_mib}MiB"
    return found


def keep_configs(settings: StackSettings) -> None:
    """Copy the configuration as it is aside, for :func:`restore_configs`."""
    target, kept = settings.state / "config", settings.state / "config.before"
    shutil.rmtree(kept, ignore_errors=True)
    if target.exists():
        shutil.copytree(target, kept)


def restore_configs(settings: StackSettings) -> None:
    """Put back what :func:`keep_configs` has copied aside; nothing where there was nothing."""
    target, kept = settings.state / "config", settings.state / "config.before"
    if kept.exists():
        shutil.rmtree(target, ignore_errors=True)
        kept.rename(target)


def write_configs(project: Path, settings: StackSettings) -> Path:
    """Write the configuration of all parts for these settings; return its folder."""
    target = settings.state / "config"
    shutil.rmtree(target, ignore_errors=True)
    (target / "rules").mkdir(parents=True)
    ports = _addresses(settings.ports)
    _write(project / "otel-config.yaml", target / "otel-config.yaml", {})
    deploy = project / "deploy"
    _write(deploy / "jaeger" / "jaeger.yaml", target / "jaeger.yaml", ports)
    _write(deploy / "jaeger" / "badger.yaml", target / "badger.yaml", {})
    interval = settings.interval or "5s"
    _write(
        deploy / "prometheus" / "prometheus.yml",
        target / "prometheus.yml",
        {
            _ALERTS_TO: f'targets: ["127.0.0.1:{settings.ports["relay"]}"]',
            **ports,
            "_interval: 5s": f"_interval: {interval}",
        },
    )
    for rules in sorted((deploy / "prometheus" / "rules").glob("*.yml")):
        _write(rules, target / "rules" / rules.name, {})
    _write(
        deploy / "alertmanager" / "alertmanager.yml",
        target / "alertmanager.yml",
        {_WEBHOOK: settings.webhook or _WEBHOOK, "_file: secrets/": f"_file: {target / 'secrets'}/"},
    )
    _write_secrets(_read(deploy / "alertmanager" / "alertmanager.yml"), target / "secrets")
    return target


def _write_secrets(alertmanager: str, folder: Path) -> None:
    """Write each secret that Alertmanager's configuration names by variable into a file for its eyes only."""
    known = inherited()
    for name in sorted(set(_SECRET.findall(alertmanager))):
        if not known.get(name):
            raise StackError(
                f"{name} is not set, and alerts.yaml takes a secret from it: set it, or drop that receiver"
            )
        folder.mkdir(mode=0o700, exist_ok=True)
        file = folder / name
        file.touch(mode=0o600)
        file.write_text(known[name], "utf-8")


def _addresses(ports: Mapping[str, int]) -> dict[str, str]:
    return {f"127.0.0.1:{default}": f"127.0.0.1:{ports[name]}" for name, default in STACK_PORTS.items()}


def _write(source: Path, target: Path, changes: Mapping[str, str]) -> None:
    """Copy a file, with every old text replaced by its new one; in one pass, so that no replacement meets another."""
    parts = [_read(source)]
    for old, new in changes.items():
        parts = [piece for part in parts for piece in _split(part, old, new)]
    target.write_text("".join(parts), "utf-8")


def _read(source: Path) -> str:
    try:
        return source.read_text("utf-8")
    except OSError as error:
        raise StackError(f"{source} cannot be read ({error.strerror}): restore it with git checkout") from error


class _Done(str):
    """Text that has been put in and is not to be looked at again."""

    __slots__ = ()


def _split(part: str, old: str, new: str) -> list[str]:
    if isinstance(part, _Done) or old not in part:
        return [part]
    pieces: list[str] = []
    for piece in part.split(old):
        pieces += [piece, _Done(new)]
    return pieces[:-1]
