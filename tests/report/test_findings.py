from __future__ import annotations

import io
import json
from dataclasses import replace

from inline_snapshot import snapshot
from rich.console import Console

from groundhog_otel.analysis.analyze import Analysis, Failed
from groundhog_otel.analysis.finding import Evidence, Finding
from groundhog_otel.report.findings.machine import as_json
from groundhog_otel.report.findings.markdown import as_markdown
from groundhog_otel.report.findings.terminal import print_findings

_FINDING = Finding(
    detector="n_plus_one",
    service="srv",
    target="tools/call report",
    says="tools/call report calls tools/call item 12 times, 4 ms each, and waits for each",
    advice="Ask tools/call item once for all items; where it cannot be asked so, ask for several at a time.",
    impact_ms=44,
    affected=30,
    confidence=0.98,
    evidence=(Evidence("12 calls, 44 ms more than one", "ab" * 16, "cd" * 8), Evidence("a metric of the process")),
    figures={"calls": 12},
)
_FOUND = Analysis(
    findings=(_FINDING, replace(_FINDING, target="", affected=1, action="gc_freeze")),
    failed=(Failed("contrast", "ZeroDivisionError: division by zero"),),
    detectors=("n_plus_one", "contrast"),
    spans=1234,
    traces=60,
    unreadable=1,
)
_NOTHING = Analysis((), (), ("n_plus_one",), 12, 3, 0)


def _opening(trace_id: str) -> str:
    return f"groundhog report --trace {trace_id}"


def _printed(analysis: Analysis) -> str:
    file = io.StringIO()
    print_findings(analysis, _opening, Console(file=file, width=80, highlight=False, markup=False))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def test_on_a_terminal() -> None:
    assert _printed(_FOUND) == snapshot("""\
2 detectors looked at 1,234 spans in 60 traces; 1 line could not be read.
2 findings, the one that costs most first.

1. n_plus_one: tools/call report (srv)
   tools/call report calls tools/call item 12 times, 4 ms each, and waits for
   each.
   44 ms to gain each time, 30 times: 1.3 s in all. 98 % sure.
   Ask tools/call item once for all items; where it cannot be asked so, ask for
   several at a time.
   See: 12 calls, 44 ms more than one, span cdcdcdcdcdcdcdcd
     groundhog report --trace abababababababababababababababab
   See: a metric of the process

2. n_plus_one: srv
   tools/call report calls tools/call item 12 times, 4 ms each, and waits for
   each.
   44 ms to gain, once: 44 ms in all. 98 % sure.
   Ask tools/call item once for all items; where it cannot be asked so, ask for
   several at a time.
   `groundhog optimize` has an action for that: gc_freeze
   See: 12 calls, 44 ms more than one, span cdcdcdcdcdcdcdcd
     groundhog report --trace abababababababababababababababab
   See: a metric of the process

The detector contrast could not answer: ZeroDivisionError: division by zero\
""")


def test_as_markdown() -> None:
    assert as_markdown(_FOUND, _opening) == snapshot("""\
**2 findings, the one that costs most first.** 2 detectors looked at 1,234 spans in 60 traces; 1 line could not be read.

## 1. n\\_plus\\_one: tools/call report (srv)

tools/call report calls tools/call item 12 times, 4 ms each, and waits for each.

44 ms to gain each time, 30 times: 1.3 s in all. 98 % sure.

Ask tools/call item once for all items; where it cannot be asked so, ask for several at a time.

- 12 calls, 44 ms more than one, span `cdcdcdcdcdcdcdcd`: `groundhog report --trace abababababababababababababababab`
- a metric of the process

## 2. n\\_plus\\_one: srv

tools/call report calls tools/call item 12 times, 4 ms each, and waits for each.

44 ms to gain, once: 44 ms in all. 98 % sure.

Ask tools/call item once for all items; where it cannot be asked so, ask for several at a time.

`groundhog optimize` has an action for that: gc\\_freeze

- 12 calls, 44 ms more than one, span `cdcdcdcdcdcdcdcd`: `groundhog report --trace abababababababababababababababab`
- a metric of the process

- The detector contrast could not answer: ZeroDivisionError: division by zero
""")


def test_for_programs() -> None:
    found = json.loads(json.dumps(as_json(_FOUND, _opening)))
    assert (found["format"], found["spans"], found["traces"], found["unreadable"]) == (1, 1234, 60, 1)
    assert found["failed"] == [{"detector": "contrast", "reason": "ZeroDivisionError: division by zero"}]
    assert found["findings"][0]["total_ms"] == 1320
    assert found["findings"][1]["action"] == "gc_freeze"
    first, second = found["findings"][0]["evidence"]
    assert first["open"] == f"groundhog report --trace {'ab' * 16}"
    assert second["open"] is None


def test_that_nothing_was_found_is_said() -> None:
    assert _printed(_NOTHING) == "1 detector looked at 12 spans in 3 traces.\nNothing found."
    assert as_markdown(_NOTHING, _opening) == "**Nothing found.** 1 detector looked at 12 spans in 3 traces.\n"
    assert "Nothing was recorded" in _printed(replace(_NOTHING, spans=0, traces=0))


def test_a_name_from_elsewhere_moves_no_cursor_and_makes_no_markup() -> None:
    odd = replace(_FOUND, findings=(replace(_FINDING, target="\x1b[2J<b>*x*|`y`", says="a\nb"),))
    assert "\x1b" not in _printed(odd)
    text = as_markdown(odd, _opening)
    assert "\\<b\\>\\*x\\*\\|\\`y\\`" in text
    assert "a b." in text


def test_a_command_stays_on_one_line() -> None:
    assert any(line.strip() == _opening("ab" * 16) for line in _printed(_FOUND).splitlines())


def test_a_page_is_a_link() -> None:
    assert f": http://jaeger/trace/{'ab' * 16}\n" in as_markdown(_FOUND, lambda one: f"http://jaeger/trace/{one}")
