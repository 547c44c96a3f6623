"""What the heap consists of; and that what is said to be freed by a ``del`` or a bound is what is freed then."""

from __future__ import annotations

import functools
import gc
import multiprocessing
import tracemalloc
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pytest

from groundhog_otel.profiling.memory import MemoryProfiler
from groundhog_otel.profiling.memory.heap.objects import every_object, sums_by_type
from groundhog_otel.profiling.memory.heap.referrers import chain_to
from groundhog_otel.profiling.memory.heap.report import HeapReport
from groundhog_otel.profiling.memory.heap.retained import freed_by_bound, freed_without

HELD: dict[str, Any] = {}
SHARED = [bytes(1_000_000)]
CACHE: dict[str, bytes] = {}


class Node:
    """One that refers to itself."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.me = self
        self.data = bytes(1000)


class Store:
    """Holds what it has seen in an attribute."""

    def __init__(self) -> None:
        self.seen: dict[int, bytes] = {}


STORE = Store()


@functools.lru_cache(maxsize=5000)
def _remembered(key: int) -> bytes:
    return bytes(500)


def _lru() -> Any:
    @functools.lru_cache(None)
    def found(key: int) -> bytes:
        return bytes(500 + key % 2)

    for key in range(2000):
        found(key)
    return found


MAKERS: dict[str, Callable[[], Any]] = {
    "list": lambda: [bytes(1000) for _ in range(2000)],
    "dict of strings": lambda: {f"key number {index}": bytes(1000) for index in range(2000)},
    "dict of numbers": lambda: {index + 1000: [index + 10**6] for index in range(5000)},
    "cycles": lambda: [Node(index) for index in range(2000)],
    "OrderedDict": lambda: OrderedDict((f"k{index}", bytes(900)) for index in range(2000)),
    "deque": lambda: deque(str(index) * 50 for index in range(2000)),
    "set": lambda: {(index, str(index) * 20) for index in range(2000)},
    "numpy": lambda: [np.zeros(1000) for _ in range(200)],
    "lru_cache": _lru,
    "partly shared": lambda: [SHARED, [bytes(1000) for _ in range(2000)]],
}


def _really_freed(drop: Callable[[], object]) -> int:
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    drop()
    gc.collect()
    return before - tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize("name", MAKERS)
def test_what_a_del_frees_is_what_was_said(name: str) -> None:
    tracemalloc.start(1)
    try:
        HELD["x"] = MAKERS[name]()
        gc.collect()
        told = freed_without([HELD["x"]])
        assert told.complete
        freed = _really_freed(HELD.clear)
    finally:
        tracemalloc.stop()
    # An object of the program says less of itself than it takes: its attributes' table is not counted.
    assert 0.9 * freed < told.size_bytes < 1.01 * freed, (told, freed)


@pytest.mark.parametrize("name", ["list", "dict of strings", "dict of numbers", "OrderedDict", "deque"])
def test_what_a_bound_frees_is_what_was_said(name: str) -> None:
    def bound() -> None:
        held = HELD["x"]
        while len(held) > 500:
            if isinstance(held, OrderedDict):
                held.popitem(last=False)
            elif isinstance(held, dict):
                del held[next(iter(held))]
            else:
                del held[0]

    tracemalloc.start(1)
    try:
        HELD["x"] = MAKERS[name]()
        told = freed_by_bound(HELD["x"], entries=500)
        freed = _really_freed(bound)
    finally:
        tracemalloc.stop()
        HELD.clear()
    # The container's own table is not in it: not every one shrinks.
    assert 0.8 * freed < told.size_bytes < 1.05 * freed, (told, freed)


def test_what_is_held_elsewhere_too_is_not_freed() -> None:
    HELD["x"] = [SHARED, {"inner": SHARED[0]}]
    assert freed_without([HELD["x"]]).size_bytes < 2000
    other = HELD["x"]
    assert freed_without([HELD["x"]]).size_bytes == 0
    del other
    HELD.clear()


def test_too_much_to_follow_claims_nothing() -> None:
    HELD["x"] = [[index] for index in range(5000)]
    found = freed_without([HELD["x"]], most_objects=1000)
    assert (found.size_bytes, found.complete) == (0, False)
    HELD.clear()


def test_a_bound_is_for_containers() -> None:
    with pytest.raises(ValueError, match="int has no entries to bound; give a dict, list, set or deque"):
        freed_by_bound(7, entries=1)
    with pytest.raises(ValueError, match="entries=-1 is below nought"):
        freed_by_bound([], entries=-1)


def test_objects_that_the_collector_does_not_track_are_counted_by_type() -> None:
    gc.collect()
    before = sums_by_type(every_object())
    HELD["x"] = [bytes(1000) for _ in range(3000)]
    HELD["y"] = {f"some key {index}": index + 0.5 for index in range(3000)}
    HELD["z"] = np.zeros(500_000)
    after = sums_by_type(every_object())
    HELD.clear()

    def more(name: str) -> list[int]:
        return [now - then for now, then in zip(after[name], before.get(name, (0, 0)), strict=True)]

    assert more("bytes")[0] == pytest.approx(3000, abs=300)
    assert more("bytes")[1] == pytest.approx(3000 * 1033, rel=0.1)
    assert more("str")[0] == pytest.approx(3000, abs=2000)
    assert more("float")[0] == pytest.approx(3000, abs=300)
    assert more("numpy.ndarray")[1] == pytest.approx(4_000_000, rel=0.01)


def test_a_chain_names_variables_and_attributes_and_no_key() -> None:
    STORE.seen[123456789] = bytes(77)
    found = chain_to(STORE.seen[123456789])
    assert found.rooted
    assert found.steps[0] == f"{__name__}.STORE"
    assert found.steps[1].startswith(f"{__name__}.Store")
    assert "seen" in str(found)
    assert "123456789" not in str(found)
    STORE.seen.clear()


def test_a_chain_says_what_bound_a_cache_has() -> None:
    found = chain_to(_remembered(1))
    assert (found.bound, found.entries) == (5000, 1)
    _remembered.cache_clear()


def _report_of_three_caches() -> HeapReport:
    tracemalloc.start(1)
    for index in range(3000):
        CACHE[f"entry {index}"] = bytes(2000)
        STORE.seen[index] = bytes(1000)
        _remembered(index)
    return MemoryProfiler().analyze_heap(timeout_s=15)


def test_the_report_has_types_modules_lines_and_holders() -> None:
    # In a process of its own: beside whatever other tests have left, ours may not be among the largest.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        report = process.submit(_report_of_three_caches).result()
    assert report.objects > 10_000
    assert report.types[0].size_bytes > 6_000_000
    assert "bytes" in [one.name for one in report.types[:5]]
    lines = [one for one in report.lines if one.stack[-1].file == __file__]
    assert lines[0].size_bytes == pytest.approx(3000 * 2033, rel=0.1)
    module = next(one for one in report.modules if one.name == __name__)
    assert module.held_bytes > 3000 * 3000
    assert module.allocated_bytes is not None
    assert module.allocated_bytes > 3000 * 3000
    by_name = {one.name: one for one in report.holders}
    cache = by_name[f"{__name__}.CACHE"]
    assert cache.frees_bytes == pytest.approx(3000 * 2110, rel=0.1)
    assert (cache.type, cache.entries, cache.bound, cache.names) == ("dict", 3000, None, 1)
    assert cache.frees_half_bytes == pytest.approx(cache.frees_bytes / 2, rel=0.1)
    lru = by_name[f"{__name__}._remembered"]
    assert (lru.entries, lru.bound) == (3000, 5000)
    assert lru.frees_bytes > 3000 * 530
    store = by_name[f"{__name__}.STORE"]
    assert store.frees_bytes > 3000 * 1033
    inner = next(one for one in report.holders if one.chain is not None and one.chain.steps[0] == f"{__name__}.STORE")
    assert inner.entries == 3000
    assert "seen" in inner.name


def test_a_report_keeps_to_its_time() -> None:
    report = MemoryProfiler().analyze_heap(timeout_s=0.001, most=3)
    assert report.left_out > 0
    assert len(report.types) == 3
