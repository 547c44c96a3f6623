"""Two profiles made comparable.

Profiles of different lengths, under different load, compare per operation or per second. Functions are matched by their
module and name, not by their lines, which move with every edit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final, Literal

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.formats.naming import operation_name, value_index
from groundhog_otel.profiling.model import Frame, Link, Profile, Sample, ValueType
from groundhog_otel.report.units import amount

__all__ = ("PER", "Calls", "Pair", "Per")

Calls = tuple[Mapping[str, int], Mapping[str, int]]
"""How often each operation was called, by its name, before and after."""
Per = Literal["operation", "second", "profile"]
PER: Final[Mapping[Per, str]] = {
    "operation": "per call of each operation",
    "second": "per second",
    "profile": "in all of each profile",
}
"""What amounts are divided by, and how that is said."""


class Pair:
    """Two profiles of the same value, and what the amounts of each are divided by."""

    def __init__(
        self,
        before: Profile,
        after: Profile,
        per: Per,
        value: str | None,
        calls: Calls | None,
    ) -> None:
        if per not in PER:
            raise ProfileError(f"There is no difference per {per!r}: choose one of {', '.join(PER)}")
        if before.kind != after.kind:
            raise ProfileError(f"A profile of {before.kind} and one of {after.kind} have nothing to compare")
        self.profiles = (before, after)
        index = value_index(before, value)
        self.value = before.value_types[index] if before.value_types else ValueType("nothing", "count")
        self._indexes = (index, value_index(after, self.value.name)) if before.value_types else (0, 0)
        if after.value_types and self.value != after.value_types[self._indexes[1]]:
            raise ProfileError(f"{self.value.name} is not in the same unit in both profiles")
        self.per = per
        self._told = calls is not None
        self.calls = calls or (_calls(before), _calls(after))
        self._divisors = tuple(map(self._divisor, self.profiles, self.calls))

    def samples(self) -> Iterator[tuple[int, Sample, float]]:
        """Yield 0 for before and 1 for after, a sample of functions, and its amount, divided."""
        functions: dict[tuple[str, str], Frame] = {}
        for side, (profile, index, divisor) in enumerate(
            zip(self.profiles, self._indexes, self._divisors, strict=True)
        ):
            for one in profile.samples:
                if one.values and one.values[index]:
                    stack = tuple(
                        functions.setdefault((frame.module or frame.file, frame.function), replace(frame, line=0))
                        for frame in one.stack
                    )
                    yield side, replace(one, stack=stack), one.values[index] / divisor(one.link)

    def remarks(self) -> tuple[str, ...]:
        """Return what a reader of the comparison must know."""
        found = []
        if self.per == "operation" and not self._told:
            counts = " and ".join(amount(sum(counted.values()), "call") for counted in self.calls)
            found.append(
                f"Per call counts the calls that were seen, {counts}: those too short to be sampled are not in it."
            )
        if not all(one.complete for one in self.profiles):
            found.append("A process ended before it could close its profile: its last second may be missing.")
        return tuple(found)

    def _divisor(self, profile: Profile, calls: Mapping[str, int]) -> Callable[[Link | None], float]:
        if self.per == "profile":
            return lambda _: 1
        if self.per == "second":
            seconds = (profile.end_ns - profile.start_ns) / 1e9
            if seconds <= 0:
                raise ProfileError("A profile has no duration to divide by: compare per operation")
            return lambda _: seconds
        every = sum(calls.values())
        linked = {operation_name(one.link) for one in profile.samples if one.link is not None}
        missing = sorted(one for one in linked if not calls.get(one))
        if missing or not every:
            what = f"{missing[0]} has no spans" if missing else "A profile covers no operation"
            raise ProfileError(f"{what}, so that its calls cannot be counted: compare per second")
        return lambda link: every if link is None else calls[operation_name(link)]


def _calls(profile: Profile) -> dict[str, int]:
    spans = {(operation_name(one.link), one.link.span_id) for one in profile.samples if one.link and one.link.span_id}
    return dict(Counter(operation for operation, _ in spans))
