"""What an experiment found, as a row of the table of losses."""

from __future__ import annotations

from dataclasses import dataclass, field

COLUMNS = ("event", "acknowledged", "to be kept", "arrived", "lost", "of which named", "bound, and how it was found")


@dataclass
class Outcome:
    """Spans, all of them. To be kept: those of acknowledged traces that are over their budget."""

    event: str
    acknowledged: int
    to_be_kept: int
    arrived: int
    named: int = 0
    """How many of the lost ones are accounted for: by the Collector's own counters, or as not sampled yet."""
    bound: str = ""
    seen: dict[str, float] = field(default_factory=dict)
    """What else was measured, for the test to judge."""

    @property
    def lost(self) -> int:
        return self.to_be_kept - self.arrived

    def row(self) -> str:
        numbers = (self.acknowledged, self.to_be_kept, self.arrived, self.lost, self.named)
        return f"| {self.event} | {' | '.join(f'{number:,}' for number in numbers)} | {self.bound} |"
