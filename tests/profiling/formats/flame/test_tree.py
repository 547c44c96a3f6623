from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given

from groundhog_otel.profiling.formats.flame.tree import Column, columns_of
from groundhog_otel.profiling.formats.naming import frame_name, operation_name, rooted
from groundhog_otel.profiling.model import Profile, Sample
from tests.profiling import made


@given(found=made.profiles())
def test_nothing_is_lost(found: Profile) -> None:
    tree = columns_of(
        ((one, one.values) for one in found.samples),
        [Column(one.name, one.unit) for one in found.value_types],
        largest_by=(0,),
    )
    paths: list[tuple[str, ...]] = []
    for depth, name in zip(tree["depth"], tree["name"], strict=True):
        below = paths[-1][:depth] if paths else ()
        assert len(below) == depth
        paths.append((*below, tree["names"][name][0]))
    rows, choices = tree["samples"], tree["choices"]
    read: Counter[object] = Counter()
    for at, node in enumerate(rows["node"]):
        chosen = tuple(choices[name][rows[name][at]] for name in ("operation", "state", "thread"))
        for column, values in enumerate(rows["values"]):
            read[(paths[node], chosen, column)] += values[at]
    wanted: Counter[object] = Counter()
    for one in found.samples:
        labels = (*rooted(one), *map(frame_name, one.stack))
        chosen = (operation_name(one.link), one.state or "", one.thread)
        for column, value in enumerate(one.values):
            wanted[(tuple(map(_plain, labels)), tuple(map(_plain, chosen)), column)] += value
    assert +read == +wanted


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def test_a_node_comes_before_those_upon_it_and_the_larger_one_first() -> None:
    tree = columns_of(
        ((one, one.values[:1]) for one in reversed(made.SAMPLES)), [Column("wall", "nanoseconds")], largest_by=(0,)
    )
    drawn = [(depth, tree["names"][name][0]) for depth, name in zip(tree["depth"], tree["name"], strict=True)]
    assert drawn[:8] == [
        (0, "tools/call fetch"), (1, "(awaiting)"), (2, "main (server.py:90)"), (3, "fetch (tools.py:33)"),
        (4, "sleep (tasks.py:650)"), (1, "main (server.py:90)"), (2, "fetch (tools.py:33)"), (0, "tools/call search"),
    ]  # fmt: skip
    assert drawn[-2:] == [(0, "tools/list"), (1, "main (server.py:90)")]


def test_a_stack_may_be_deeper_than_python_lets_functions_call_themselves() -> None:
    deep = tuple(replace(made.MAIN, line=line) for line in range(1, 5_001))
    tree = columns_of([(Sample(deep, (1, 1)), (1, 1))], [Column("a", ""), Column("b", "")], largest_by=(0, 1))
    assert tree["depth"] == list(range(5_001))
