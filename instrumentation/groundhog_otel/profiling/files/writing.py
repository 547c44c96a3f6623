"""Profiles as files that grow while the process runs: what was written stays readable, however the process ends.

The first line says what is profiled. Each further line is one batch: the frames, stacks, links and threads that are
new, and the samples, which name them by number. A stack is a number of another stack, -1 for none, and of a frame upon
it. The last line of a file that was closed says so; a file without it, or cut anywhere, reads as far as it goes.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import Any, Final, Protocol

from groundhog_otel.profiling.model import Kind, Link, Profile, Sample, Stack, ValueType

__all__ = ("DROPPED", "FORMAT", "LIMIT_BYTES", "VERSION", "ProfileWriter", "save_profile")

logger = logging.getLogger("groundhog_otel.profiling")

FORMAT: Final = "groundhog-profile"
VERSION: Final = 1
LIMIT_BYTES: Final = 64 * 1024 * 1024
DROPPED: Final = "samples left out: the file was full"

_Key = tuple[Stack, "Link | None", "str | None", str]


class _Hashed(Protocol):
    def __hash__(self) -> int: ...


class _Numbers:
    """Gives every new thing the next number, and keeps what has yet to be written."""

    def __init__(self) -> None:
        self._known: dict[_Hashed, int] = {}
        self.new: list[Any] = []

    def of(self, thing: _Hashed, written: Any) -> int:
        number = self._known.get(thing)
        if number is None:
            number = self._known[thing] = len(self._known)
            self.new.append(written)
        return number

    def taken(self) -> list[Any]:
        new, self.new = self.new, []
        return new


class ProfileWriter:
    """Appends the samples of one profile to its file, which is for its owner only.

    Samples of one stack, link, state and thread are added up until the next flush. Any thread may call it; a signal
    handler may not. In a forked child it does nothing: the file is its parent's. What cannot be written is left out,
    and never an error of the program that is watched.

    Raises:
        OSError: the file cannot be made.
        FileExistsError: it is there.
    """

    def __init__(
        self,
        path: Path,
        *,
        profile_id: str,
        kind: Kind,
        value_types: tuple[ValueType, ...],
        start_ns: int | None = None,
        service: str = "",
        pid: int | None = None,
        engine: str = "",
        interval_ns: int | None = None,
        limit_bytes: int = LIMIT_BYTES,
        flush_s: float = 1.0,
    ) -> None:
        self.path = path
        self.dropped = 0
        """Samples that were left out, as the file was full or could not be written."""
        self._owner = os.getpid()
        self._limit_bytes = limit_bytes
        self._flush_s = flush_s
        self._lock = RLock()
        self._frames, self._stacks, self._links, self._threads = _Numbers(), _Numbers(), _Numbers(), _Numbers()
        self._whole: dict[Stack, int] = {(): -1}
        self._pending: dict[_Key, tuple[tuple[int, ...], int | None]] = {}
        self._written_bytes = 0
        self._flushed_at = time.monotonic()
        self._fd: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._write({
            "format": FORMAT, "version": VERSION, "profile_id": profile_id, "kind": kind,
            "start_ns": time.time_ns() if start_ns is None else start_ns,
            "value_types": [[one.name, one.unit] for one in value_types],
            "service": service, "pid": pid, "engine": engine, "interval_ns": interval_ns,
        })  # fmt: skip

    @property
    def full(self) -> bool:
        """Whether the file takes no more samples; a bounded profile can end here."""
        return self._fd is None or self._written_bytes >= self._limit_bytes

    def add(self, sample: Sample) -> None:
        """Take a sample; once in ``flush_s``, write those that were taken."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            if self.full:
                self.dropped += 1
                return
            key = (sample.stack, sample.link, sample.state, sample.thread)
            before = self._pending.get(key)
            if before is None:
                self._pending[key] = (sample.values, sample.time_ns)
            else:
                added = tuple(one + other for one, other in zip(before[0], sample.values, strict=True))
                self._pending[key] = (added, before[1])
            if time.monotonic() - self._flushed_at >= self._flush_s:
                self.flush()

    def flush(self) -> None:
        """Write what was taken, through to the operating system."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            self._flushed_at = time.monotonic()
            pending, self._pending = self._pending, {}
            samples = [
                [self._stack(stack), list(values), self._link(link), state, self._threads.of(thread, thread), time_ns]
                for (stack, link, state, thread), (values, time_ns) in pending.items()
            ]
            if samples:
                new = {
                    "frames": self._frames.taken(), "stacks": self._stacks.taken(), "links": self._links.taken(),
                    "threads": self._threads.taken(),
                }  # fmt: skip
                self._write({**{name: things for name, things in new.items() if things}, "samples": samples,
                             "end_ns": time.time_ns()})  # fmt: skip

    def close(
        self,
        facts: Mapping[str, str | int | float] | None = None,
        *,
        end_ns: int | None = None,
        complete: bool = True,
    ) -> None:
        """Write the rest, and that this is all. To close it twice is to close it once.

        ``complete`` is False for a profile that was taken over from a process which could not end it.
        """
        if os.getpid() != self._owner:
            return
        with self._lock:
            if self._fd is None:
                return
            self.flush()
            left_out = {DROPPED: self.dropped} if self.dropped else {}
            cut = {} if complete else {"complete": False}
            self._write({"closed": True, "end_ns": time.time_ns() if end_ns is None else end_ns,
                         "facts": {**(facts or {}), **left_out}, **cut})  # fmt: skip
            self._shut()

    def _stack(self, stack: Stack) -> int:
        number = self._whole.get(stack)
        if number is None:
            number = -1
            for frame in stack:
                line = self._frames.of(frame, [frame.function, frame.file, frame.line, frame.module])
                number = self._stacks.of((number, line), [number, line])
            self._whole[stack] = number
        return number

    def _link(self, link: Link | None) -> int | None:
        if link is None:
            return None
        return self._links.of(link, [link.method, link.target, link.side, link.trace_id, link.span_id])

    def _write(self, batch: Mapping[str, Any]) -> None:
        if self._fd is None:
            return
        line = memoryview(json.dumps(batch, separators=(",", ":")).encode() + b"\n")
        self._written_bytes += len(line)
        try:
            while line:
                line = line[os.write(self._fd, line) :]
        except OSError as error:
            logger.warning("the profile ends here: cannot write %s (%s)", self.path, error.strerror)
            self._shut()

    def _shut(self) -> None:
        if self._fd is not None:
            with suppress(OSError):
                os.close(self._fd)
            self._fd = None


def save_profile(path: Path, profile: Profile) -> None:
    """Write a profile that is there as a whole.

    Raises:
        OSError: the file cannot be made.
        FileExistsError: it is there.
    """
    writer = ProfileWriter(
        path, profile_id=profile.profile_id, kind=profile.kind, value_types=profile.value_types,
        start_ns=profile.start_ns, service=profile.service, pid=profile.pid, engine=profile.engine,
        interval_ns=profile.interval_ns, limit_bytes=sys.maxsize,
    )  # fmt: skip
    for sample in profile.samples:
        writer.add(sample)
    writer.close(profile.facts, end_ns=profile.end_ns, complete=profile.complete)
