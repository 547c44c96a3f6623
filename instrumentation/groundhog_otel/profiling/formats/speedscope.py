"""Profiles for https://www.speedscope.app, as its ``file-format-schema.json`` says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from groundhog_otel.profiling.formats.naming import operation_name, rooted, value_index
from groundhog_otel.profiling.model import Frame, Profile, Sample, ValueType

__all__ = ("dumps",)

_SCHEMA: Final = "https://www.speedscope.app/file-format-schema.json"
_UNITS: Final = ("nanoseconds", "bytes")


def dumps(profile: Profile, *, value: str | None = None) -> str:
    """Return everything as a first profile, in which operations are the outermost frames, then one per operation.

    Speedscope shows one value of each; ``value`` chooses it.

    Raises:
        ProfileError: the profile has no such value.
    """
    index = value_index(profile, value)
    samples = sorted(
        (one for one in profile.samples if one.values[index] > 0),
        key=lambda one: (one.time_ns is not None, one.time_ns),
    )
    of_operations: dict[str, list[Sample]] = {}
    for one in samples:
        of_operations.setdefault(operation_name(one.link), []).append(one)
    frames = _Frames()
    kind = profile.value_types[index] if profile.value_types else ValueType("nothing", "none")
    parts = [_part("all operations", kind, index, samples, frames)]
    parts += [_part(name, kind, index, of_operations[name], frames) for name in sorted(of_operations)]
    return json.dumps(
        {
            "$schema": _SCHEMA,
            "name": f"{profile.service or 'process'} {profile.pid or ''}: {profile.kind}",
            "exporter": "groundhog-otel",
            "activeProfileIndex": 0,
            "shared": {"frames": frames.described},
            "profiles": parts,
        },
        separators=(",", ":"),
    )


class _Frames:
    """Gives each frame its number."""

    def __init__(self) -> None:
        self._numbers: dict[Frame | str, int] = {}
        self.described: list[dict[str, Any]] = []

    def number(self, frame: Frame | str) -> int:
        found = self._numbers.get(frame)
        if found is None:
            found = self._numbers[frame] = len(self.described)
            self.described.append({"name": frame} if isinstance(frame, str) else _described(frame))
        return found


def _described(frame: Frame) -> dict[str, Any]:
    known: dict[str, Any] = {"name": frame.function}
    if frame.file:
        known["file"] = frame.file
    if frame.line:
        known["line"] = frame.line
    return known


def _part(name: str, kind: ValueType, index: int, samples: Sequence[Sample], frames: _Frames) -> dict[str, Any]:
    weights = [one.values[index] for one in samples]
    stacks: list[tuple[Frame | str, ...]] = [(*rooted(one), *one.stack) for one in samples]
    return {
        "type": "sampled",
        "name": f"{kind.name}: {name}",
        "unit": kind.unit if kind.unit in _UNITS else "none",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": [[frames.number(frame) for frame in stack] for stack in stacks],
        "weights": weights,
    }
