"""Reads a profile's file as far as it goes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_args

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.files.writing import FORMAT, VERSION
from groundhog_otel.profiling.model import Frame, Kind, Link, Profile, Sample, Stack, State, ValueType

__all__ = ("read_profile",)

_STATES: Final = (*get_args(State), None)
_NOT_ONE: Final = "this is no profile of groundhog: groundhog profile writes them"


def read_profile(path: Path) -> Profile:
    """Return the profile in a file; ``complete`` is False when its last line is missing, or one cannot be understood.

    Raises:
        ProfileError: it cannot be read, is something else, or of a later version.
    """
    try:
        with path.open("rb") as lines:
            reading = _Reading(_header(next(lines, b"")))
            for line in lines:
                if not reading.take(line):
                    break
    except OSError as error:
        raise ProfileError(f"Cannot read {path} ({error.strerror})") from None
    except ProfileError as error:
        raise ProfileError(f"{path}: {error}") from None
    return reading.profile()


def _header(line: bytes) -> dict[str, Any]:
    try:
        header = json.loads(line)
    except (ValueError, RecursionError):
        raise ProfileError(_NOT_ONE) from None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise ProfileError(_NOT_ONE)
    if header.get("version") != VERSION:
        raise ProfileError(
            f"this profile has version {header.get('version')!r} and this release reads {VERSION}: use the release "
            "that wrote it"
        )
    return header


class _DamagedError(Exception):
    """A line is not what the writer writes."""


class _Reading:
    """Puts together what the lines say."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        try:
            self._profile = Profile(
                profile_id=_is(str, header["profile_id"]), kind=_among(get_args(Kind), header["kind"]),
                start_ns=_is(int, header["start_ns"]), end_ns=_is(int, header["start_ns"]), samples=(), complete=False,
                value_types=tuple(ValueType(_is(str, name), _is(str, unit)) for name, unit in header["value_types"]),
                service=_is(str, header["service"]), pid=_optional(int, header["pid"]),
                engine=_is(str, header["engine"]), interval_ns=_optional(int, header["interval_ns"]),
            )  # fmt: skip
        except (_DamagedError, KeyError, TypeError, ValueError):
            raise ProfileError("the first line of this profile is damaged: the rest means nothing without") from None
        self._end_ns = self._profile.start_ns
        self._complete = False
        self._facts: dict[str, str | int | float] = {}
        self._frames: list[Frame] = []
        self._nodes: list[tuple[int, int]] = []
        self._links: list[Link] = []
        self._threads: list[str] = []
        self._stacks: dict[int, Stack] = {-1: ()}
        self._samples: list[Sample] = []

    def take(self, line: bytes) -> bool:
        """Take a line; False when there is nothing to be had after it."""
        samples = len(self._samples)
        try:
            batch = _is(dict, json.loads(line))
            if batch.get("closed") is True:
                self._close(batch)
                return False
            self._batch(batch)
        except (_DamagedError, KeyError, TypeError, ValueError, IndexError, RecursionError):
            del self._samples[samples:]
            return False
        return True

    def profile(self) -> Profile:
        """Return what was taken."""
        first = self._profile
        return Profile(
            first.profile_id, first.kind, first.start_ns, self._end_ns, first.value_types, tuple(self._samples),
            first.service, first.pid, first.engine, first.interval_ns, self._complete, self._facts,
        )  # fmt: skip

    def _close(self, batch: Mapping[str, Any]) -> None:
        facts = _is(dict, batch["facts"])
        if not all(isinstance(value, str | int | float) for value in facts.values()):
            raise _DamagedError
        self._end_ns, self._facts = _is(int, batch["end_ns"]), facts
        self._complete = _is(bool, batch.get("complete", True))

    def _batch(self, batch: Mapping[str, Any]) -> None:
        for function, file, line, module in batch.get("frames", ()):
            self._frames.append(Frame(_is(str, function), _is(str, file), _is(int, line), _is(str, module)))
        for below, frame in batch.get("stacks", ()):
            if below != -1:
                _of(self._nodes, below)
            _of(self._frames, frame)
            self._nodes.append((below, frame))
        for method, target, side, trace_id, span_id in batch.get("links", ()):
            side_ = _among(("server", "client"), side)
            ids = _optional(str, trace_id), _optional(str, span_id)
            self._links.append(Link(_is(str, method), _optional(str, target), side_, *ids))
        self._threads.extend(_is(str, thread) for thread in batch.get("threads", ()))
        for stack, values, link, state, thread, time_ns in batch["samples"]:
            if len(values) != len(self._profile.value_types):
                raise _DamagedError
            self._samples.append(
                Sample(
                    self._stack(stack), tuple(_is(int, value) for value in values),
                    None if link is None else _of(self._links, link), _among(_STATES, state),
                    _of(self._threads, thread), _optional(int, time_ns),
                )
            )  # fmt: skip
        self._end_ns = _is(int, batch["end_ns"])

    def _stack(self, number: int) -> Stack:
        stack = self._stacks.get(number)
        if stack is None:
            frames = []
            at = number
            while at != -1:
                at, frame = _of(self._nodes, at)
                frames.append(self._frames[frame])
            stack = self._stacks[number] = tuple(reversed(frames))
        return stack


def _is(kind: type[Any], value: Any) -> Any:
    if type(value) is not kind:
        raise _DamagedError
    return value


def _optional(kind: type[Any], value: Any) -> Any:
    return None if value is None else _is(kind, value)


def _among(choices: tuple[Any, ...], value: Any) -> Any:
    if value not in choices:
        raise _DamagedError
    return value


def _of(things: list[Any], number: Any) -> Any:
    """Return one of ``things``; a number from the end is none of the writer's."""
    if type(number) is not int or not 0 <= number < len(things):
        raise _DamagedError
    return things[number]
