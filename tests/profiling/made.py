"""Profiles for tests: one that is easily read, and any that can be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hypothesis import strategies as st

from groundhog_otel.profiling.model import Frame, Link, Profile, Sample, Stack, State, ValueType

PROFILE_ID = "0123456789abcdef0123456789abcdef"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SEARCH = Link("tools/call", "search", "server", TRACE_ID, "b7ad6b7169203331")
FETCH = Link("tools/call", "fetch", "server", TRACE_ID, "00f067aa0ba902b7")
LIST = Link("tools/list", None, "server", None, None)
CPU = (ValueType("wall", "nanoseconds"), ValueType("cpu", "nanoseconds"))
MEMORY = (ValueType("alloc_objects", "count"), ValueType("alloc_space", "bytes"))

MAIN = Frame("main", "/srv/app/server.py", 90, "server")
SEARCHING = Frame("Tools.search", "/srv/app/tools.py", 12, "tools")
RANKING = Frame("rank", "/srv/app/ranking.py", 40, "ranking")
SORTING = Frame("sort", "/srv/app/ranking.py", 61, "ranking")
FETCHING = Frame("fetch", "/srv/app/tools.py", 33, "tools")
SLEEPING = Frame("sleep", "/usr/lib/python3/asyncio/tasks.py", 650, "asyncio.tasks")

_MS = 1_000_000


def profile(*samples: Sample, value_types: tuple[ValueType, ...] = CPU) -> Profile:
    """Return a CPU profile of 10 s, of ``samples`` or of some that show one of everything."""
    return Profile(
        profile_id=PROFILE_ID, kind="cpu", start_ns=1_700_000_000 * 10**9, end_ns=1_700_000_010 * 10**9,
        value_types=value_types, samples=samples or SAMPLES, service="shop", pid=4711, engine="test",
        interval_ns=10 * _MS, facts={"looks": 1000},
    )  # fmt: skip


SAMPLES = (
    Sample((MAIN, SEARCHING, RANKING, SORTING), (700 * _MS, 650 * _MS), SEARCH, "running", "MainThread", 1),
    Sample((MAIN, SEARCHING, RANKING), (200 * _MS, 190 * _MS), SEARCH, "running", "MainThread", 2),
    Sample((MAIN, FETCHING), (100 * _MS, 90 * _MS), FETCH, "running", "worker_0", 3),
    Sample((MAIN, FETCHING, SLEEPING), (900 * _MS, 0), FETCH, "awaiting", "MainThread", 4),
    Sample((MAIN, SLEEPING), (50 * _MS, 0), None, "waiting", "MainThread", 5),
    Sample((MAIN,), (10 * _MS, 10 * _MS), LIST, "running", "MainThread", 6),
)

_words = st.text(max_size=12)
_amounts = st.integers(min_value=0, max_value=2**53)
frames = st.builds(Frame, _words, _words, st.integers(min_value=0, max_value=10**6), _words)
links = st.builds(
    Link, st.sampled_from(["tools/call", "tools/list", "prompts/get"]), st.none() | _words,
    st.sampled_from(["server", "client"]), st.none() | st.just(TRACE_ID), st.none() | st.just("b7ad6b7169203331"),
)  # fmt: skip
_states: st.SearchStrategy[State | None] = st.sampled_from(["running", "waiting", "awaiting", None])


@st.composite
def profiles(draw: st.DrawFn, *, least: int = 0) -> Profile:
    """Return any profile that an engine can make."""
    kinds = draw(st.sampled_from([CPU, MEMORY, CPU[:1]]))
    known = draw(st.lists(frames, min_size=1, max_size=5))
    stacks: st.SearchStrategy[Stack] = st.lists(st.sampled_from(known), max_size=6).map(tuple)
    samples = st.builds(
        Sample, stacks, st.tuples(*[_amounts] * len(kinds)), st.none() | links, _states, _words, st.none() | _amounts
    )
    start_ns = draw(_amounts)
    return Profile(
        PROFILE_ID, draw(st.sampled_from(["cpu", "memory"])), start_ns, start_ns + draw(_amounts), kinds,
        tuple(draw(st.lists(samples, min_size=least, max_size=12))), draw(_words), draw(st.none() | _amounts),
        draw(_words), draw(st.none() | _amounts), facts=draw(st.dictionaries(_words, _words | _amounts, max_size=2)),
    )  # fmt: skip


def sums(found: Profile) -> Counter[tuple[object, ...]]:
    """Return what all samples of one stack, link, state and thread add up to, for each of the values."""
    total: Counter[tuple[object, ...]] = Counter()
    for one in found.samples:
        for number, value in enumerate(one.values):
            total[(one.stack, one.link, one.state, one.thread, number)] += value
    return total


def written(found: Profile, folder: Path) -> Path:
    """Return a new file with a profile."""
    from groundhog_otel.profiling.files import save_profile

    file = folder / f"shop-4711.cpu.{found.profile_id}.profile.jsonl"
    save_profile(file, found)
    return file
