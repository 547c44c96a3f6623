from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.html.markup import tag
from groundhog_otel.report.content import Report, reported
from groundhog_otel.report.html import Part, page
from groundhog_otel.report.optimizations import optimizations
from groundhog_otel.store.manifest import Manifest
from groundhog_otel.store.model import Event, Process, Run, Unreadable
from tests.report import made
from tests.support.pages import HOSTILE, Elements
from tests.support.recorded import MS, recording, series, span


def hostile() -> Report:
    """Return a report in which everything that a program or a file can name is meant to do harm."""
    names = iter(HOSTILE * 60)
    processes = [Process(next(names), number) for number in range(8)]
    spans = [
        replace(
            span(f"tools/call {next(names)}", own=number, trace=number, ms=number * 20, process=process),
            attributes={
                "mcp.method.name": "tools/call", "error.type": next(names), next(names): next(names),
                "mcp.session.id": next(names),
            },
            events=(Event(next(names), number * MS, {next(names): 1, "code.function.name": next(names)}),),
            status="error", scope=next(names),
        )
        for number, process in enumerate(processes, 1)
    ]  # fmt: skip
    numbers = [series("process.memory.usage", 1e6, 2e6, process=process) for process in processes]
    manifest = Manifest((next(names), next(names)), "2026-01-01T00:00:00+00:00", 1.0, 0)
    whole = recording(
        spans, numbers, runs=(Run(next(names), Path("x"), manifest),),
        unreadable=(Unreadable(Path("run") / f"{HOSTILE[0]}.jsonl", 7),),
    )  # fmt: skip
    found = [
        replace(
            one, service=next(names), target=next(names), says=next(names), advice=next(names), detector=next(names),
            action=next(names), parameters={next(names): next(names)},
            evidence=tuple(
                replace(each, says=next(names), trace_id=spans[0].trace_id, span_id=next(names))
                for each in one.evidence
            ),
        )
        for one in made.findings(made.recording(20))
    ]  # fmt: skip
    tried = optimizations(
        [{"time": next(names), "trial": {"action": next(names), "outcome": next(names), "why": next(names)}}]
    )
    return reported(whole, findings=found, optimizations=tried, versions=[(next(names), next(names))])


def test_what_came_from_elsewhere_is_only_ever_text() -> None:
    ours, theirs = Elements(page(made.report())), Elements(page(hostile()))
    assert {name for name, _ in theirs.tags} <= {name for name, _ in ours.tags} | {"details", "summary", "li", "ul"}
    for name, attributes in theirs.tags:
        assert not any(key.startswith("on") for key in attributes), name
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
    assert [name for name, _ in theirs.tags].count("script") == 2
    for one in HOSTILE[:5]:
        assert one in theirs.text


def test_the_direction_of_reading_cannot_be_turned_around_and_no_control_is_left() -> None:
    text = page(hostile())
    assert not set(text) & set("\x00\x1b\u202e\u2066\ud800")
    text.encode()


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60), st.text(max_size=30))
def test_any_name_is_only_ever_text(name: str, service: str) -> None:
    one = span(f"tools/call {name}", method="tools/call", error=name or "x", process=Process(service or "x", 1))
    parsed = Elements(page(reported(recording([one]))))
    harmless = Elements(page(reported(recording([span(error="x")]))))
    assert [name for name, _ in parsed.tags] == [name for name, _ in harmless.tags]


def test_the_page_is_one_file_that_may_load_nothing() -> None:
    text = page(made.report())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src &#x27;none&#x27;; style-src &#x27;sha256-")
    assert "unsafe" not in policy[1]
    assert not {name for name, _ in Elements(text).tags} & {"link", "img", "iframe", "object", "use", "image"}


def test_content_is_there_only_when_asked_for() -> None:
    text = page(made.report())
    assert "Texts of attributes that may hold what was in a message are left out." in text
    assert "are left out" not in page(made.report(), content=True)


def test_parts_that_nothing_was_recorded_for_say_so_or_are_not_there() -> None:
    text = Elements(page(reported(recording()))).text
    assert "Nothing was recorded that could be held against a budget" in text
    assert "No MCP operation was recorded (0 other spans)." in text
    assert "No metric was recorded." in text
    assert "no folder is watched" in text
    assert "Findings" not in text
    assert "Optimisations" not in text
    assert "Calls and traces" not in text
    assert "No detector has found anything" in page(reported(recording(), findings=[]))


def test_evidence_links_to_its_trace_where_that_is_in_the_page() -> None:
    links = [attributes.get("href") or "" for name, attributes in Elements(page(made.report())).tags if name == "a"]
    assert sum(bool(re.fullmatch(r"#trace=[0-9a-f]{32}&span=[0-9a-f]{16}", one)) for one in links) == 1
    assert not any("ffff" in one for one in links)


def test_what_is_left_out_of_a_large_page_is_said_and_evidence_is_not() -> None:
    report = made.report(2_000)
    text = page(report, most_spans=200)
    assert re.search(r"Left out of this page: [\d,]+ more traces", text)
    assert len(text) < len(page(report))
    assert "Show the trace" in text


def test_a_part_of_another_room_has_its_style_and_its_script_once_each() -> None:
    parts = [Part(name, name, tag("p", "there"), ".mine {}", "const mine = 1;") for name in ("one", "two")]
    text = page(made.report(), parts=parts)
    assert (text.count(".mine {}"), text.count("const mine = 1;")) == (1, 1)
    assert [text.count(f'href="#{name}"') for name in ("one", "two")] == [1, 1]
