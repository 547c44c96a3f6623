"""memray's own files, read into our model. They may come from another process, or from one that was killed."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from groundhog_otel.profiling.memory.frames import frame_at
from groundhog_otel.profiling.memory.marks import OWN_FILE, link_of
from groundhog_otel.profiling.model import Link, Profile, Sample, Stack, ValueType, new_profile_id

if TYPE_CHECKING:
    from memray import AllocationRecord

__all__ = ("Recording", "is_closed", "read_recording")

_ALLOCATED: Final = (ValueType("alloc_objects", "count"), ValueType("alloc_space", "bytes"))
_IN_USE: Final = (ValueType("inuse_objects", "count"), ValueType("inuse_space", "bytes"))
_COMPRESSED: Final = b"\x04\x22\x4d\x18"
"""How an LZ4 frame begins. memray compresses a file once it is closed, so what is not was cut off."""
_UNKNOWN: Final = frame_at("<unknown>", 0, "<no Python code>")


@dataclass(frozen=True, slots=True)
class Recording:
    """What memray has recorded."""

    profile: Profile
    peaks: dict[Link, int]
    """The most bytes that each operation held at one moment; empty where only sums were recorded."""


def read_recording(
    file: Path, *, profile_id: str | None = None, service: str = "", most_stacks: int = 200_000
) -> Recording:
    """Return what a file of memray's says, by stack and operation.

    About two seconds for each million of allocations. Of a file that records every allocation, what was allocated is
    known as well as what is left; of an aggregated one, what is left. Of what comes after ``most_stacks`` different
    stacks the innermost line is kept, and whose call it was.

    Raises:
        OSError: memray cannot read it: it is none of its files, or of a version that it does not know.
    """
    import memray  # noqa: PLC0415 - of the extra, and only for those who ask for it

    with memray.FileReader(file) as reader:
        metadata = reader.metadata
        every = metadata.file_format == memray.FileFormat.ALL_ALLOCATIONS
        sums = _Sums(most_stacks)
        if every:
            frees = {
                memray.AllocatorType.FREE, memray.AllocatorType.PYMALLOC_FREE, memray.AllocatorType.MUNMAP,
            }  # fmt: skip
            for record in reader.get_allocation_records():
                if record.allocator in frees:
                    sums.freed(record.address)
                else:
                    sums.allocated(record)
        else:
            for record in reader.get_leaked_allocation_records(merge_threads=False):
                sums.left(record)
    start_ns, end_ns = (int(one.timestamp() * 1_000_000) * 1000 for one in (metadata.start_time, metadata.end_time))
    complete = is_closed(file)
    profile = Profile(
        profile_id=profile_id or new_profile_id(),
        kind="memory",
        start_ns=start_ns,
        end_ns=end_ns if complete else max(start_ns, file.stat().st_mtime_ns),
        value_types=(*_ALLOCATED, *_IN_USE) if every else _IN_USE,
        samples=sums.samples(every=every),
        service=service,
        pid=metadata.pid,
        engine=f"memray {version('memray')}",
        complete=complete,
        facts={
            "recording": str(file),
            "command": metadata.command_line,
            "allocations": metadata.total_allocations,
            "peak bytes": metadata.peak_memory,
            "stacks cut to their innermost line": sums.cut,
            "memory of Python's own allocator": "each object" if metadata.trace_python_allocators else "arenas only",
        },
    )
    return Recording(profile, sums.peaks)


def is_closed(file: Path) -> bool:
    """Tell whether memray has ended a file; else its process is under way, or was killed."""
    with file.open("rb") as beginning:
        return beginning.read(len(_COMPRESSED)) == _COMPRESSED


@dataclass(slots=True)
class _Row:
    stack: Stack
    link: Link | None
    thread: str
    values: list[int] = field(default_factory=lambda: [0, 0, 0, 0])
    """Objects and bytes allocated, objects and bytes in use."""


class _Sums:
    """Adds allocations up by stack, and follows each to its end."""

    def __init__(self, most_stacks: int) -> None:
        self.peaks: dict[Link, int] = {}
        self.cut = 0
        self._most = most_stacks
        self._rows: dict[tuple[int, int], _Row] = {}
        self._whole: list[_Row] = []
        self._cut: dict[tuple[Stack, Link | None], _Row] = {}
        self._live: dict[int, tuple[_Row, int]] = {}
        self._held: dict[Link, int] = {}

    def allocated(self, record: AllocationRecord) -> None:
        row, size = self._row(record), record.size
        # A block that was freed where memray could not see it, as by munmap of a part.
        self.freed(record.address)
        self._live[record.address] = row, size
        values = row.values
        values[0] += 1
        values[1] += size
        values[2] += 1
        values[3] += size
        if row.link is not None:
            held = self._held[row.link] = self._held.get(row.link, 0) + size
            if held > self.peaks.get(row.link, 0):
                self.peaks[row.link] = held

    def freed(self, address: int) -> None:
        found = self._live.pop(address, None)
        if found is None:
            return
        row, size = found
        row.values[2] -= 1
        row.values[3] -= size
        if row.link is not None:
            self._held[row.link] -= size

    def left(self, record: AllocationRecord) -> None:
        row = self._row(record)
        row.values[2] += record.n_allocations
        row.values[3] += record.size

    def samples(self, *, every: bool) -> tuple[Sample, ...]:
        first = 0 if every else 2
        return tuple(
            Sample(row.stack, tuple(row.values[first:]), row.link, thread=row.thread)
            for row in (*self._whole, *self._cut.values())
            if any(row.values[first:])
        )

    def _row(self, record: AllocationRecord) -> _Row:
        key = record.stack_id, record.tid
        row = self._rows.get(key)
        if row is not None:
            return row
        stack, link = _stack(record)
        if len(self._whole) < self._most:
            row = self._rows[key] = _Row(stack, link, record.thread_name)
            self._whole.append(row)
            return row
        self.cut += 1
        innermost = stack[-1:]
        row = self._rows[key] = self._cut.setdefault((innermost, link), _Row(innermost, link, ""))
        return row


def _stack(record: AllocationRecord) -> tuple[Stack, Link | None]:
    frames, link = [], None
    for function, file, line in record.stack_trace():  # innermost first
        found = link_of(file)
        if found is None and file != OWN_FILE:
            frames.append(frame_at(file, line, function))
        link = link or found
    return tuple(reversed(frames)) or (_UNKNOWN,), link
