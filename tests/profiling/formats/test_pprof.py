from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from groundhog_otel.profiling.formats import pprof
from groundhog_otel.profiling.formats.pprof_messages import profile_class
from groundhog_otel.profiling.model import Frame, Profile, Sample
from tests.profiling import made


def read(content: bytes) -> tuple[Any, Counter[object]]:
    """Return the message, and what stacks and labels add up to, as its own numbers lead to them."""
    message = profile_class().FromString(gzip.decompress(content))
    texts = message.string_table
    functions = {one.id: (texts[one.name], texts[one.filename]) for one in message.function}
    places = {one.id: (*functions[one.line[0].function_id], one.line[0].line) for one in message.location}
    total: Counter[object] = Counter()
    for one in message.sample:
        labels = frozenset((texts[label.key], texts[label.str]) for label in one.label)
        stack = tuple(places[number] for number in reversed(one.location_id))
        for number, value in enumerate(one.value):
            total[(stack, labels, number)] += value
    return message, total


@given(found=made.profiles())
def test_nothing_is_lost(found: Profile) -> None:
    message, total = read(pprof.dumps(found))
    wanted: Counter[object] = Counter()
    for one in found.samples:
        stack = tuple((f"{at.module}.{at.function}" if at.module else at.function, at.file, at.line)
                      for at in one.stack)  # fmt: skip
        given_ = {"state": one.state, "thread": one.thread}
        if one.link is not None:
            given_ |= {"trace_id": one.link.trace_id, "span_id": one.link.span_id, "mcp.method.name": one.link.method}
            named = {"tools/call": "gen_ai.tool.name", "prompts/get": "gen_ai.prompt.name"}.get(one.link.method)
            given_ |= {named: one.link.target} if named else {}
            given_ |= {"side": "client"} if one.link.side == "client" else {}
        labels = frozenset((key, text) for key, text in given_.items() if text)
        for number, value in enumerate(one.values):
            wanted[(stack, labels, number)] += value
    assert +total == +wanted
    assert message.string_table[0] == ""
    assert len(set(message.string_table)) == len(message.string_table)
    assert pprof.dumps(found) == pprof.dumps(found)


def test_names_that_are_no_text_are_written_all_the_same() -> None:
    odd = made.profile(Sample((Frame("f", "/tmp/\udcff.py", 1),), (1, 1), replace(made.SEARCH, target="\ud800")))
    message, _ = read(pprof.dumps(odd))
    assert "/tmp/?.py" in message.string_table


def go(*arguments: str) -> str:
    """Return what the reference reader says."""
    program = shutil.which("go")
    if program is None:
        pytest.skip("needs Go: its pprof is the reference")
    done = subprocess.run(
        [program, "tool", "pprof", *arguments], check=False, capture_output=True, text=True, timeout=110
    )
    if "no such tool" in done.stderr:
        pytest.skip(f"this Go has no pprof: {done.stderr}")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def file(tmp_path: Path) -> str:
    file = tmp_path / "shop.pb.gz"
    file.write_bytes(pprof.dumps(replace(made.profile(), complete=False)))
    return str(file)


@pytest.mark.timeout(120)
def test_go_reads_it_with_its_labels(file: str) -> None:
    text = go("-raw", file)
    assert "wall/nanoseconds[dflt] cpu/nanoseconds" in text
    assert f"groundhog.profile.id: {made.PROFILE_ID}" in text
    assert "the process ended before the profile did" in text
    assert "Duration: 10s" in text
    samples = dict(re.findall(r"^ *(\d+ +\d+): [\d ]+\n +(.*)$", text, re.MULTILINE))
    assert len(samples) == len(made.SAMPLES)
    labels = dict(re.findall(r"(\S+):\[(.*?)\]", samples["700000000  650000000"]))
    assert labels == {
        "trace_id": made.TRACE_ID, "span_id": made.SEARCH.span_id, "gen_ai.tool.name": "search",
        "mcp.method.name": "tools/call", "state": "running", "thread": "MainThread",
    }  # fmt: skip
    assert "ranking.sort /srv/app/ranking.py:61" in text


@pytest.mark.timeout(120)
def test_go_answers_which_line_of_which_tool(file: str) -> None:
    top = go("-top", "-tagfocus", "gen_ai.tool.name=search", file)
    rows = [line.split() for line in top.splitlines() if "ranking." in line]
    assert [(row[0], row[3], row[5]) for row in rows] == [
        ("700ms", "700ms", "ranking.sort"),
        ("200ms", "900ms", "ranking.rank"),
    ]
    assert "fetch" not in top
    lines = go("-top", "-lines", "-sample_index=cpu", "-tagfocus", f"span_id={made.FETCH.span_id}", file)
    assert re.search(r"90ms .* tools\.fetch /srv/app/tools\.py:33", lines)
