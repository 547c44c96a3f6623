from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot
from markdown_it import MarkdownIt

from groundhog_otel.report.content import reported
from groundhog_otel.report.markdown import as_markdown
from groundhog_otel.store.model import Unreadable
from tests.report import made
from tests.support.pages import HOSTILE
from tests.support.recorded import SERVER, recording, series, span


def _rendered(text: str) -> str:
    return str(MarkdownIt("commonmark").enable("table").render(text))


def test_a_small_report() -> None:
    failed = span("tools/call nap", own=2, parent=1, at_ms=20, ms=90, kind="server", process=SERVER, error="tool_error")
    whole = recording(
        [span("tools/call nap", ms=120), failed],
        [series("process.memory.usage", 80e6, 90e6)],
        unreadable=(Unreadable(Path("store/run-1/app-11.traces.jsonl"), 7),),
    )
    assert as_markdown(reported(whole)) == snapshot("""\
# Performance of app, srv

**Over budget: command**

began: 2027-01-15 08:00:00 UTC, recorded: 1.0 s, spans: 2, traces: 1, processes: 2, errors: 1, unreadable lines: 1 of 2.

Not started by groundhog run.

## Budgets

|  | Budget | Limit | Worst | Where |
|---|---|---:|---:|---|
| **over** | Commands (tool calls, prompts, resources), p99 | 50 ms | 120 ms | tools/call nap (app, client); 0 of 2 within |
| n/a | Protocol (lists, initialize, ping …), p99 | 100 ms | n/a | no operation of this class was recorded |
| n/a | Notifications that a user sees, p99 | 16 ms | n/a | no operation of this class was recorded |
| n/a | Background tasks, p99 | 500 ms | n/a | no operation of this class was recorded |
| met | Memory of a process, at most | 500 MB | 90 MB | app (11); 1 of 1 within |
| n/a | CPU of a process, on average | 30 % | n/a | no process.cpu.utilization was recorded: is the instrumentor groundhog_resources on? |
| n/a | Network (MCP messages) of a process, on average | 50 MB/s | n/a | no groundhog.mcp.io was recorded twice: only messages over pipes and HTTP are counted |
| n/a | Watched folders of a process, at most | 1.0 GB | n/a | no folder is watched: name those that the process fills in OTEL_PYTHON_GROUNDHOG_FOLDERS |

## Latency

|  | Operation | Service | Calls | Errors | p50 | p90 | p99 | max | Budget |
|---|---|---|---:|---:|---:|---:|---:|---:|---:|
| **over** | tools/call nap | app (client) | 1 | 0 | 120 ms | 120 ms | 120 ms | 120 ms | 50 ms |
| **over** | tools/call nap | srv (server) | 1 | 1 tool_error | 90 ms | 90 ms | 90 ms | 90 ms | 50 ms |

## Slowest trace

Trace `00000000000000000000000000000001`, 120 ms:

- tools/call nap (app): 120 ms
  - tools/call nap (srv): 90 ms, after 20 ms, **tool_error**

## Over time

| Quantity | Process | Least | Mean | Most | Last |
|---|---|---:|---:|---:|---:|
| Memory (RSS) | app (11) | 80 MB | 85 MB | 90 MB | 90 MB |

1 of 2 lines could not be read, and were left out.
""")  # noqa: E501


def test_findings_and_trials_are_in_it() -> None:
    text = as_markdown(made.report())
    assert "To gain: 120 ms of each of 25 operations, 3.0 s in all. Confidence: certain (95 %)." in text
    assert re.search(r"- The slowest of them\. \(trace `[0-9a-f]{32}`\)", text)
    assert (
        "| offload:tool=find_orders: predicted 60 ms less, measured 51 ms less | mean latency | 182 ms | 131 ms |"
        in text
    )
    assert "| uvloop | not measured |" in text


def test_what_came_from_elsewhere_is_only_ever_text() -> None:
    names = [
        *HOSTILE,
        "| a | b |",
        "`code` **bold** [x](javascript:alert(1)) ![i](http://127.0.0.1:9/x)",
        "# title\n\n- item",
    ]
    spans = [span(f"tools/call {name}", own=number, ms=90, error=name) for number, name in enumerate(names, 1)]
    whole = made.recording(20)
    finding = replace(made.findings(whole)[0], says=names[0], advice=names[-1], target=names[-2])
    text = as_markdown(reported(recording(spans), findings=[finding]))
    assert not set(text) & set("\x00\x1b\u202e\u2066\ud800")
    rendered = _rendered(text)
    assert not re.search(r"<(script|img|svg|a|strong>bold)", rendered)
    known = {"h1", "h2", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "code", "ol", "ul", "li", "br"}
    assert set(re.findall(r"<(\w+)", rendered)) <= known


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_any_name_is_one_cell(name: str) -> None:
    text = as_markdown(reported(recording([span(f"tools/call {name}", method="tools/call")])))
    (row,) = [line for line in text.splitlines() if line.startswith("| met | tools/call")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 11
