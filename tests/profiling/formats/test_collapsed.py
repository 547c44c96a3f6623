from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.formats import collapsed
from groundhog_otel.profiling.formats.naming import operation_name, value_index
from groundhog_otel.profiling.model import Frame, Profile, Sample
from tests.profiling import made


def test_the_operation_is_the_first_frame_and_awaited_time_is_apart() -> None:
    assert collapsed.dumps(made.profile()) == (
        "(outside of any operation);(waiting);main (server.py:90);sleep (tasks.py:650) 50000000\n"
        "tools/call fetch;(awaiting);main (server.py:90);fetch (tools.py:33);sleep (tasks.py:650) 900000000\n"
        "tools/call fetch;main (server.py:90);fetch (tools.py:33) 100000000\n"
        "tools/call search;main (server.py:90);Tools.search (tools.py:12);rank (ranking.py:40) 200000000\n"
        "tools/call search;main (server.py:90);Tools.search (tools.py:12);rank (ranking.py:40);sort (ranking.py:61)"
        " 700000000\n"
        "tools/list;main (server.py:90) 10000000\n"
    )


def test_another_value_is_chosen_by_its_name() -> None:
    lines = collapsed.dumps(made.profile(), value="cpu").splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["90000000", "190000000", "650000000", "10000000"]
    with pytest.raises(ProfileError, match="This profile has no 'inuse_space': choose one of wall, cpu"):
        collapsed.dumps(made.profile(), value="inuse_space")


def test_no_name_can_part_a_frame_or_a_line() -> None:
    evil = Frame("a;b\nc 1\x1b[2J", "x\n;y.py", 3)
    link = replace(made.SEARCH, target="t;\nu", side="client")
    text = collapsed.dumps(made.profile(Sample((evil, Frame(" ", "", 0)), (5, 5), link, "running")))
    assert text == "tools/call t,\ufffdu (client);a,b\ufffdc 1\ufffd[2J (x\ufffd,y.py:3);? 5\n"


@given(found=made.profiles())
def test_nothing_is_lost_and_every_line_is_a_stack_and_a_number(found: Profile) -> None:
    shown = value_index(found)
    depths: Counter[int] = Counter()
    of_operations: Counter[str] = Counter()
    for line in collapsed.dumps(found).splitlines():
        matched = re.fullmatch(r"(.+) (\d+)", line)
        assert matched is not None
        names = matched[1].split(";")
        assert all(names)
        of_operations[re.sub(r"\W", "", names[0])] += int(matched[2])
        depths[len(names) - 1 - (names[1:2] in (["(awaiting)"], ["(waiting)"]))] += int(matched[2])
    wanted: Counter[str] = Counter()
    for one in found.samples:
        wanted[re.sub(r"\W", "", operation_name(one.link))] += one.values[shown]
    assert +of_operations == +wanted
    assert sum(depth * amount for depth, amount in depths.items()) == sum(
        len(one.stack) * one.values[shown] for one in found.samples
    )
