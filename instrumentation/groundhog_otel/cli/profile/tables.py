"""Profiles on a terminal, or in a file that it is redirected to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from groundhog_otel.cli.profile.memory_lines import Line, lines_of
from groundhog_otel.profiling.cpu import CpuProfiler, Hotspots, Part
from groundhog_otel.profiling.formats.difference import Difference
from groundhog_otel.profiling.formats.naming import OUTSIDE, operation_name
from groundhog_otel.profiling.formats.pair import PER
from groundhog_otel.profiling.memory import by_call, by_tool
from groundhog_otel.profiling.model import Profile
from groundhog_otel.report.units import duration, share, size

__all__ = ("print_difference", "print_profile")

_MOST_OPERATIONS: Final = 15
_WIDEST: Final = 140
_BLOCKED: Final = "blocked the event loop"


def print_profile(profile: Profile, *, top: int, value: str | None = None) -> None:
    """Print where the time went, or the memory.

    Raises:
        ProfileError: it has no such value.
    """
    out = _Printer()
    out.line(_head(profile), "bold")
    if not profile.complete:
        out.line("The process ended before it could close this profile: this is what it had written until then.")
    if not profile.samples:
        out.line("It has no samples: nothing ran while it was taken, or nothing that was asked for.")
        return
    if profile.kind == "memory":
        _memory(out, profile, top, value)
    else:
        _cpu(out, profile, top)


def print_difference(found: Difference, *, top: int) -> None:
    """Print what changed."""
    out = _Printer()
    shown = _in(found.value.unit)
    out.line(f"{found.value.name} {PER[found.per]}", "bold")
    for title, changes in (("Operations", found.operations), ("Functions, by themselves", found.functions)):
        rows = [
            (one.operation, *([f"{one.function} ({_short(one.file)})"] if one.function else []), shown(one.own_before),
             shown(one.own_after), ("+" if one.own >= 0 else "-") + shown(abs(one.own)))
            for one in changes[:top]
            if one.own
        ]  # fmt: skip
        names = ("operation", "function") if title.startswith("Functions") else ("operation",)
        out.table(title, names, ("before", "after", "change"), rows)
    for remark in found.remarks:
        out.line(remark)


def _head(profile: Profile) -> str:
    kind = "CPU" if profile.kind == "cpu" else "Memory"
    looks = f", {duration(profile.interval_ns / 1e9)} between looks" if profile.interval_ns else ""
    lasted = _time(max(0, profile.end_ns - profile.start_ns))
    pid = f" (process {profile.pid})" if profile.pid else ""
    return (
        f"{kind} profile {profile.profile_id}\n{profile.service or 'a process'}{pid}: {lasted}{looks}, {profile.engine}"
    )


def _cpu(out: _Printer, profile: Profile, top: int) -> None:
    spots = CpuProfiler.analyze_hotspots(profile.samples)
    calls = _calls(profile)
    rows = [
        (operation_name(part.link), f"{calls.get(operation_name(part.link), 0):,}", *_times(part))
        for part in _parts(spots)
    ]
    out.table("Operations", ("operation",), ("calls seen", "on a thread", "on the CPU", "awaited"), rows)
    all_ns = max(1, spots.everything.times.cpu_ns)
    functions = [one for one in spots.everything.functions if one.own.cpu_ns or one.own.wall_ns or one.own.awaited_ns]
    out.table(
        "Functions, most CPU time by themselves first",
        ("function", "at"),
        ("own CPU", "", "with callees", "own wait", "awaited"),
        [
            (
                one.function, f"{_short(one.file)}:{one.line}", _time(one.own.cpu_ns),
                share(one.own.cpu_ns / all_ns), _time(one.total.cpu_ns),
                _time(max(0, one.own.wall_ns - one.own.cpu_ns)), _time(one.own.awaited_ns),
            )
            for one in functions[:top]
        ],
    )  # fmt: skip
    blocked = [str(value) for name, value in profile.facts.items() if name.startswith(_BLOCKED)]
    if blocked:
        out.title("Blocked the event loop, so that every other call waited")
        for one in blocked:
            out.line(one)
    if "cost" in profile.facts:
        out.line()
        out.line(f"The profiler: {profile.facts['cost']}")


def _parts(spots: Hotspots) -> list[Part]:
    """Return the operations, and what belongs to none."""
    told = list(spots.tools[:_MOST_OPERATIONS])
    rest = Part(None)
    for name in ("wall_ns", "cpu_ns", "awaited_ns"):
        whole = getattr(spots.everything.times, name) - sum(getattr(one.times, name) for one in spots.tools)
        setattr(rest.times, name, whole)
    return [*told, rest] if rest.times.wall_ns or rest.times.awaited_ns else told


def _times(part: Part) -> tuple[str, str, str]:
    times = part.times
    wall, cpu, awaited = (_time(one) for one in (times.wall_ns, times.cpu_ns, times.awaited_ns))
    return wall, cpu, awaited


def _calls(profile: Profile) -> dict[str, int]:
    seen: dict[str, set[str]] = {}
    for one in profile.samples:
        if one.link is not None and one.link.span_id is not None:
            seen.setdefault(operation_name(one.link), set()).add(one.link.span_id)
    return {name: len(ids) for name, ids in seen.items()}


def _memory(out: _Printer, profile: Profile, top: int, value: str | None) -> None:
    tools = by_tool(by_call(profile))
    out.table(
        "Operations",
        ("operation",),
        ("calls seen", "allocated", "median call", "left"),
        [
            (
                f"{one.method} {one.target}" if one.target else one.method, f"{len(one.by_call):,}",
                _or_dash(one.allocated_bytes), _or_dash(one.median_allocated_bytes), _signed(one.left_bytes),
            )
            for one in tools[:_MOST_OPERATIONS]
        ],
    )  # fmt: skip
    names = [one.name for one in profile.value_types]
    lines = lines_of(profile, value or ("alloc_space" if "alloc_space" in names else None))
    titles = {"alloc_space": "allocated", "inuse_space": "left"}
    shown = [one for one in titles if one in names]
    out.table(
        f"Lines that allocate, by themselves (most {titles.get(value or names[1], value)} first)",
        ("function", "at", "for"),
        [titles[one] for one in shown],
        [_line_row(one, [names.index(name) for name in shown]) for one in lines[:top]],
    )
    for name in ("peak bytes", "stacks cut to their innermost line"):
        if profile.facts.get(name):
            given = profile.facts[name]
            out.line(f"{name}: {size(float(given)) if name.endswith('bytes') else given}")


def _line_row(line: Line, places: Iterable[int]) -> tuple[str, ...]:
    at = f"{_short(line.frame.file)}:{line.frame.line}"
    return (line.frame.function, at, OUTSIDE if line.operation is None else line.operation,
            *(_signed(line.values[place]) for place in places))  # fmt: skip


def _or_dash(bytes_: int | None) -> str:
    return "-" if bytes_ is None else size(bytes_)


def _signed(bytes_: int) -> str:
    return f"-{size(-bytes_)}" if bytes_ < 0 else size(bytes_)


def _time(nanoseconds: int) -> str:
    return duration(nanoseconds / 1e9) if nanoseconds else "-"


def _in(unit: str) -> Callable[[float], str]:
    if unit == "nanoseconds":
        return lambda value: duration(value / 1e9)
    return size if unit == "bytes" else lambda value: f"{value:,.1f}"


def _short(file: str) -> str:
    """Return a path as short as it still tells which file it is."""
    parts = Path(file).parts
    for mark in ("site-packages", "dist-packages"):
        if mark in parts:
            return os.path.join(*parts[parts.index(mark) + 1 :])  # noqa: PTH118 - of parts
    near = os.path.relpath(file) if file.startswith("/") else file
    return near if not near.startswith("..") else os.path.join(*parts[-2:])  # noqa: PTH118


class _Printer:
    """Prints one thing below the other, without what would move the cursor."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)
        if not self._console.is_terminal:
            self._console.width = _WIDEST
        self._width = min(self._console.width, _WIDEST)

    def _plain(self, text: str) -> str:
        shown = "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)
        return shown.encode(self._console.encoding, "replace").decode(self._console.encoding)

    def line(self, text: str = "", style: str = "") -> None:
        self._console.print(Text(self._plain(text), style=style), width=self._width)

    def title(self, text: str) -> None:
        self.line()
        self.line(text, "bold")

    def table(self, title: str, words: Sequence[str], numbers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table with columns of words, then of numbers; nothing without rows."""
        if not rows:
            return
        self.title(title)
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for name in words:
            table.add_column(name, overflow="fold")
        for name in numbers:
            table.add_column(name, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*(Text(self._plain(cell)) for cell in row))
        self._console.print(table, width=self._width)
