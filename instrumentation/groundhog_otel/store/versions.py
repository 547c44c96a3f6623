"""Which versions made a recording, as far as its files say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from groundhog_otel.store.layout import signal_files

__all__ = ("read_versions",)

_LONGEST_LINE_BYTES: Final = 50_000_000


def read_versions(directories: Iterable[Path]) -> tuple[tuple[str, str], ...]:
    """Return names and versions of SDKs, instrumentations and services, from the first line of each file.

    A process that knows its own version says so in ``service.version``. What cannot be read is passed over.

    Raises:
        OSError: a file cannot be opened or read.
    """
    found: dict[tuple[str, str], None] = {}
    for directory in directories:
        for file in (*signal_files(directory, "traces"), *signal_files(directory, "metrics")):
            with file.open("rb") as lines:
                line = lines.readline(_LONGEST_LINE_BYTES)
            try:
                found.update(dict.fromkeys(_of_line(json.loads(line))))
            except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
                continue
    return tuple(sorted(found))


def _of_line(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for groups, scoped in (("resourceSpans", "scopeSpans"), ("resourceMetrics", "scopeMetrics")):
        for group in message.get(groups) or ():
            resource = {one["key"]: one["value"].get("stringValue", "") for one in group["resource"]["attributes"]}
            yield from _of_resource(resource)
            for one in group.get(scoped) or ():
                scope = one.get("scope") or {}
                if scope.get("version"):
                    yield str(scope["name"]), str(scope["version"])


def _of_resource(resource: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    sdk = " ".join(filter(None, (resource.get("telemetry.sdk.name"), resource.get("telemetry.sdk.language"))))
    for name, version in (
        (f"{sdk} SDK", resource.get("telemetry.sdk.version")),
        (resource.get("telemetry.distro.name", ""), resource.get("telemetry.distro.version")),
        (resource.get("process.runtime.name", ""), resource.get("process.runtime.version")),
        (resource.get("service.name", ""), resource.get("service.version")),
    ):
        if name and version:
            yield name, version
