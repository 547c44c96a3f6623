"""How many of something a block dealt with, per second."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.monitor.measurement import Measurement
from groundhog_otel.report.units import amount, rate

__all__ = ("Throughput",)


class Throughput(Measurement):
    """A count over the time of a block, or up to now while it is under way; it compares with numbers per second."""

    def __init__(self, name: str, *, unit: str = "item", on_count: Callable[[int], None] = lambda _: None) -> None:
        self.name = name
        self.unit = unit
        self.count = 0
        self._on_count = on_count
        self._started_s: float | None = None
        self._took_s: float | None = None

    def add(self, count: int = 1) -> Throughput:
        """Count so many more, and return itself."""
        try:
            self.count += count
            self._on_count(count)
        except Exception:
            guarded_error("monitor")
        return self

    @property
    def per_s(self) -> float:
        """Per second.

        Raises:
            RuntimeError: it has not begun.
        """
        if self._started_s is None:
            raise RuntimeError(f"{self.name} has not been measured: ask within the block, or after it")
        took_s = perf_counter() - self._started_s if self._took_s is None else self._took_s
        return self.count / max(took_s, 1e-9)

    def _begin(self) -> None:
        self.count = 0
        self._took_s = None
        self._started_s = perf_counter()

    def _end(self, error: str | None) -> None:  # noqa: ARG002 - what failed was counted, if the block has counted it
        if self._started_s is not None:
            self._took_s = perf_counter() - self._started_s

    def _again(self) -> Throughput:
        return _EachCall(self.name, unit=self.unit, on_count=self._on_count)

    def __float__(self) -> float:
        return self.per_s

    def __lt__(self, other: float) -> bool:
        return self.per_s < other

    def __le__(self, other: float) -> bool:
        return self.per_s <= other

    def __gt__(self, other: float) -> bool:
        return self.per_s > other

    def __ge__(self, other: float) -> bool:
        return self.per_s >= other

    def __repr__(self) -> str:
        if self._started_s is None:
            return f"{self.name}, not measured"
        return f"{self.name}: {amount(self.count, self.unit)}, {rate(self.per_s)}"


class _EachCall(Throughput):
    """Of a decorated function: each call that succeeds is one."""

    def _end(self, error: str | None) -> None:
        super()._end(error)
        if error is None:
            self.add()
