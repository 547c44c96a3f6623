"""A tool that keeps the event loop from everything else: a call that blocks, in an ``async def``.

The runtime instrumentor has seen it happen and named tool and line; this adds up whom it has cost what. An operation in
flight has lost what it took longer than others of its name, and no more than the block; one that arrived meanwhile has
lost what the loop was late when it took it up. A tool that has blocked a loop in which nothing else was to be done has
cost nobody anything, and is no finding.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Final

from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.analysis.judging import LEAST_MS, sure
from groundhog_otel.analysis.operations import method_of
from groundhog_otel.analysis.pauses import Stretch, long_pauses
from groundhog_otel.analysis.waits import blocks_of, held_up_of, lag_s
from groundhog_otel.runtime.frames import PLUMBING
from groundhog_otel.semconv import GEN_AI_PROMPT_NAME, GEN_AI_TOOL_NAME, MCP_METHOD_NAME
from groundhog_otel.store.model import Event, Process, Recording, Span, Value

__all__ = ("detect",)

_LEAST_BLOCKS: Final = 3
"""A machine that is late may stop a process within any callback, once or twice."""
_LEAST_SHARE: Final = 0.05
"""Of the tool's calls. Where a machine is late often, what runs longest is hit most; but not every twentieth call."""
_CERTAIN_S: Final = 1.0
"""Seconds: one block is enough then; no machine in working order is that late."""
_LEAST_LOSS_S: Final = 0.001
_TAKEN_UP_NS: Final = 10_000_000
"""What has queued meanwhile is taken up within milliseconds; who comes later was not held up."""
_STILL_LATE_NS: Final = 100_000_000
"""The loop notes that it is on time again within twice the interval of its beats."""
_COLLECTED: Final = 0.5
"""Of a block, from which on a pause of the garbage collector explains it better than the line that was seen."""
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class _Block:
    span: Span
    event: Event
    duration_s: float

    @property
    def end_ns(self) -> int:
        return min(self.event.time_ns, self.span.end_ns)

    @property
    def start_ns(self) -> int:
        return self.end_ns - int(self.duration_s * 1e9)

    @property
    def function(self) -> str:
        return str(self.event.attributes.get("code.function.name", ""))

    @property
    def place(self) -> str:
        path, line = (self.event.attributes.get(name) for name in ("code.file.path", "code.line.number"))
        return f"{path}:{line}" if path else "a line that is not known"


def detect(recording: Recording) -> list[Finding]:
    """Return a finding for each tool that has blocked event loops, and so delayed others."""
    by_process: dict[Process, list[Span]] = defaultdict(list)
    sent = {span.span_id: span for span in recording.spans if span.kind == "client"}
    calls: Counter[tuple[str, str]] = Counter()
    blocks: dict[tuple[str, str], list[_Block]] = defaultdict(list)
    for span in recording.spans:
        if method_of(span) is not None:
            by_process[span.process].append(span)
            key = (span.process.service, span.name)
            calls[key] += 1
            blocks[key].extend(_Block(span, event, duration_s) for event, duration_s in blocks_of(span))
    pauses = long_pauses(recording)
    found = []
    for key, seen in blocks.items():
        some = _own(seen, pauses)
        if _certain(some, calls[key]):
            lost: dict[int, tuple[Span, float]] = {}
            for process in {one.span.process for one in some}:
                there = [one for one in some if one.span.process == process]
                lost.update(_losses(there, by_process[process], sent))
            if lost and mean(loss_s for _, loss_s in lost.values()) * 1e3 >= LEAST_MS:
                found.append(_finding(some, list(lost.values())))
    return found


def _own(blocks: Iterable[_Block], pauses: Mapping[Process, Sequence[Stretch]]) -> list[_Block]:
    """Leave out what the garbage collector may well have stopped, whatever ran: as many as there were pauses.

    And where no code of the tool was seen at all, but only what runs tools: there it was the machine that was late.
    """
    left = {id(one): one.pauses for some in pauses.values() for one in some}
    own = []
    for block in blocks:
        if block.function.partition(".")[0] in PLUMBING:
            continue
        for one in pauses.get(block.span.process, ()):
            within = one.start_ns < block.end_ns and one.end_ns > block.start_ns
            if within and left[id(one)] and one.paused_s / one.pauses >= _COLLECTED * block.duration_s:
                left[id(one)] -= 1
                break
        else:
            own.append(block)
    return own


def _certain(blocks: Sequence[_Block], calls: int) -> bool:
    if any(one.duration_s >= _CERTAIN_S for one in blocks):
        return True
    many = len(blocks) >= _LEAST_BLOCKS and len(blocks) >= _LEAST_SHARE * calls
    # Chance stops a process anywhere; a call that blocks is in one function.
    return many and Counter(one.function for one in blocks).most_common(1)[0][1] * 2 > len(blocks)


def _losses(blocks: Sequence[_Block], spans: Sequence[Span], sent: Mapping[str, Span]) -> dict[int, tuple[Span, float]]:
    """Return what each operation of the process has lost to these blocks, in seconds, by the identity of its span."""
    culprits = {one.span.span_id for one in blocks}
    whose = {_whose(one.span.attributes, one.event.attributes) for one in blocks}
    undisturbed: dict[str, list[float]] = defaultdict(list)
    for span in spans:
        if not any(held_up_of(span)):
            undisturbed[span.name].append(span.duration_s)
    typical = {name: median(durations) for name, durations in undisturbed.items()}
    in_turn = sorted(blocks, key=lambda one: one.start_ns)
    starts = [one.start_ns for one in in_turn]
    lost = {}
    for span in spans:
        held_s = sum(s for event, s in held_up_of(span) if _whose(event.attributes, event.attributes) in whose)
        loss_s = min(held_s, max(span.duration_s - typical.get(span.name, 0.0), 0.0))
        latest = bisect_left(starts, span.start_ns) - 1
        if latest >= 0 and span.span_id not in culprits:
            loss_s += _late_s(span, sent.get(span.parent_id or ""), in_turn[latest])
        if loss_s >= _LEAST_LOSS_S:
            lost[id(span)] = (span, loss_s)
    return lost


def _late_s(span: Span, sent: Span | None, block: _Block) -> float:
    """Return how long a message taken up since a block began has waited for its end; 0 for one that came later.

    For a while after a block, messages are still told how late the loop was: who has sent one knows when that was.
    """
    if span.start_ns > block.end_ns + (_TAKEN_UP_NS if sent is None else _STILL_LATE_NS):
        return 0.0
    waited_s = lag_s(span)
    return waited_s if sent is None else min(waited_s, max(block.end_ns - sent.start_ns, 0) / 1e9)


def _whose(names: Mapping[str, Value], place: Mapping[str, Value]) -> tuple[Value, ...]:
    """Return what a block and its victims have in common."""
    named = (names.get(name) for name in (MCP_METHOD_NAME, GEN_AI_TOOL_NAME, GEN_AI_PROMPT_NAME))
    return (*named, place.get("code.function.name"))


def _finding(blocks: Sequence[_Block], lost: Sequence[tuple[Span, float]]) -> Finding:
    worst = max(blocks, key=lambda one: one.duration_s)
    function = Counter(one.function for one in blocks).most_common(1)[0][0]
    impact_ms = mean(loss_s for _, loss_s in lost) * 1e3
    block_ms = mean(one.duration_s for one in blocks) * 1e3
    name, tool = worst.span.name, worst.span.attributes.get(GEN_AI_TOOL_NAME)
    where = next((one.place for one in blocks if one.function == function), worst.place)
    return Finding(
        detector="blocking_call",
        service=worst.span.process.service,
        target=name,
        says=f"{name} kept the event loop from everything else {len(blocks)} times, for {block_ms:.0f} ms on average, "
        f"at {where}; {len(lost)} other operations lost {impact_ms:.0f} ms each.",
        advice=f"Run what blocks in {function or name} in a worker thread: await anyio.to_thread.run_sync(…).",
        impact_ms=impact_ms,
        affected=len(lost),
        confidence=max(sure(len(blocks), half=1.5), 0.9 if worst.duration_s >= _CERTAIN_S else 0.0),
        evidence=tuple(_evidence(blocks, lost)),
        figures={
            "blocks": len(blocks),
            "block_ms": block_ms,
            "longest_block_ms": worst.duration_s * 1e3,
            "victims": len(lost),
        },
        action="offload" if isinstance(tool, str) else None,
        parameters={"tool": tool} if isinstance(tool, str) else {},
    )


def _evidence(blocks: Sequence[_Block], lost: Sequence[tuple[Span, float]]) -> Iterator[Evidence]:
    for one in sorted(blocks, key=lambda one: -one.duration_s)[:_SHOWN]:
        says = f"{one.span.name} blocks the loop for {one.duration_s * 1e3:.0f} ms at {one.place}."
        yield Evidence(says, one.span.trace_id, one.span.span_id)
    for span, loss_s in sorted(lost, key=lambda one: -one[1])[:_SHOWN]:
        yield Evidence(f"{span.name} lost {loss_s * 1e3:.0f} ms to it.", span.trace_id, span.span_id)
