from __future__ import annotations

import time
from dataclasses import replace

import pytest

from groundhog_otel.load.beginning import Beginning
from groundhog_otel.load.engine.clock import Clock
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.judgement.soundness import faults, notes
from groundhog_otel.load.results.merging import merge
from groundhog_otel.load.results.result import LoadResult
from tests.load.made import IDLE, operation, result

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "text", ["2026-05-01T12:00:00Z", "2026-05-01T14:00:00+02:00", "1777636800", "2026-05-01T12:00:00.000+00:00"]
)
def test_a_moment(text: str) -> None:
    assert Beginning.parse(text).epoch_ns == 1_777_636_800 * 10**9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("soon", "is no moment"),
        ("nan", "is no moment"),
        ("inf", "is no moment"),
        ("2026-05-01T12:00:00", "add Z for UTC"),
    ],
)
def test_what_is_none(text: str, said: str) -> None:
    with pytest.raises(LoadError, match=said):
        Beginning.parse(text)


async def test_a_worker_that_comes_late_does_not_begin() -> None:
    ahead_s, clock = 60, Clock()
    begin_ns = await Beginning(time.time_ns() + ahead_s * 10**9).gate(clock)
    assert (begin_ns - clock.now_ns()) / 1e9 == pytest.approx(ahead_s, abs=5)
    clock.close()
    with pytest.raises(LoadError, match=r"was to begin at .*Z, and the sessions were open 9\.\d s later"):
        await Beginning(time.time_ns() - 9 * 10**9).gate(clock)


def part(index: int, *, of: int, begun_s: float = 0.0) -> LoadResult:
    return result(
        operations=[operation("ping", [0.01] * 10)],
        self_checks=(replace(IDLE, worker=index),),
        shares=of,
        started_at_ns=1_700_000_000 * 10**9 + int(begun_s * 1e9),
    )


def test_parts_that_are_missing_make_a_result_invalid() -> None:
    whole = merge([part(2, of=3), part(0, of=3), part(1, of=3)])
    assert (whole.shares, whole.workers, faults(whole)) == (3, 3, ())
    (fault,) = faults(merge([part(2, of=3), part(0, of=3)]))
    assert fault.startswith("of its parts, 2/3 is missing")
    with pytest.raises(LoadError, match="Part 1/3 of the test is there twice"):
        merge([part(0, of=3), part(0, of=3)])
    with pytest.raises(LoadError, match="in 3 parts, another of one in 4"):
        merge([part(0, of=3), part(1, of=4)])


def test_parts_that_began_apart() -> None:
    whole = merge([part(0, of=2), part(1, of=2, begun_s=12.5)])
    assert whole.begun_apart_s == pytest.approx(12.5)
    assert any("began 12 s apart" in note or "began 12.5 s apart" in note for note in notes(whole)), notes(whole)
    assert not any("apart" in note for note in notes(merge([part(0, of=2), part(1, of=2, begun_s=0.2)])))
