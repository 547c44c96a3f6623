from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

from inline_snapshot import snapshot
from rich.console import Console

from groundhog_otel.report.content import Report, reported
from groundhog_otel.report.machine import as_json
from groundhog_otel.report.terminal import print_report
from groundhog_otel.store.manifest import Manifest
from groundhog_otel.store.model import Recording, Run, Unreadable
from tests.report import made
from tests.support.recorded import SERVER, recording, series, span


def _example() -> Recording:
    manifest = Manifest(("python", "app.py"), "2026-01-01T00:00:00+00:00", duration_s=12.5, exit_code=0)
    return recording(
        [
            span("tools/call nap", own=1, ms=120),
            span("tools/call nap", own=2, parent=1, at_ms=20, ms=90, kind="server", process=SERVER),
            span("SELECT", own=3, parent=2, at_ms=60, ms=40, kind="client", process=SERVER, method=None),
            span("tools/call a_tool_whose_name_takes_more_room", own=4, trace=2, ms=2, error="tool_error"),
            span("initialize", own=5, trace=3, ms=0.4),
        ],
        [
            series("process.cpu.utilization", 0.1, 0.3),
            series("process.memory.usage", 80e6, 90e6),
            series("process.disk.io", 0, 2000, disk_io_direction="write"),
            series("process.memory.usage", 70e6, process=SERVER),
            series("system.network.io", 0, 5000, network_io_direction="receive", network_interface_name="eth0"),
            series("system.network.io", 0, 700, network_io_direction="transmit", network_interface_name="eth0"),
        ],
        runs=(Run("run-1", Path("store/run-1"), manifest),),
        lines=812,
        unreadable=(Unreadable(Path("store/run-1/app-11.traces.jsonl"), 7),),
    )


def _printed(what: Recording | Report, *, encoding: str = "utf-8", width: int = 80, colour: bool = False) -> str:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    console = Console(file=out, width=width, force_terminal=colour, highlight=False, markup=False, emoji=False)
    print_report(what if isinstance(what, Report) else reported(what), console)
    out.flush()
    return "\n".join(line.rstrip() for line in raw.getvalue().decode(encoding).splitlines())


def test_a_whole_report_on_eighty_columns() -> None:
    assert _printed(_example()) == snapshot("""\
Run run-1
python app.py: 12 s, exit code 0
5 spans from app (11), srv (22)

Over budget: command
Budget       Limit   Worst      Of
command      50 ms  120 ms over tools/call nap (app, client)
protocol    100 ms 0.40 ms met  initialize (app, client)
ui           16 ms     n/a n/a  no operation of this class was recorded
background  500 ms     n/a n/a  no operation of this class was recorded
memory      500 MB   90 MB met  app (11)
cpu           30 %    20 % met  app (11)
network    50 MB/s     n/a n/a  no groundhog.mcp.io was recorded twice: only
                                messages over pipes and HTTP are counted
disk        1.0 GB     n/a n/a  no folder is watched: name those that the
                                process fills in OTEL_PYTHON_GROUNDHOG_FOLDERS

MCP operations
Operation                       Calls Errors     p50     p90     p99 Budget
app (client)
  tools/call nap                    1      0  120 ms  120 ms  120 ms  50 ms over
  tools/call                        1      1  2.0 ms  2.0 ms  2.0 ms  50 ms met
  a_tool_whose_name_takes_more_
  room
  initialize                        1      0 0.40 ms 0.40 ms 0.40 ms 100 ms met
srv (server)
  tools/call nap                    1      0   90 ms   90 ms   90 ms  50 ms over
Budgets are for p99. With fewer than 100 calls, that is the slowest one.
Errors of tools/call a_tool_whose_name_takes_more_room (client): 1 tool_error
2 of 4 operations within budget.

Slowest: tools/call nap, 120 ms, trace 00000000000000000000000000000001
tools/call nap   app █████████████████████████████████████████████████ 120 ms
  tools/call nap srv         █████████████████████████████████████      90 ms
    SELECT       srv                         ████████████████           40 ms

Processes
Process  CPU avg  max Memory avg   max Disk read written
app (11)    20 % 30 %      85 MB 90 MB         -  2.0 kB
srv (22)       -    -      70 MB 70 MB         -       -
CPU is a share of the CPUs that the process may use.
Network of the host, eth0: 5.0 kB in, 700 B out, within 1.0 s

1 of 812 lines unreadable, and left out: run-1/app-11.traces.jsonl:7\
""")


def test_piped_there_are_neither_colours_nor_lines_too_long() -> None:
    text = _printed(_example())
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_on_a_terminal_there_are_colours() -> None:
    assert "\x1b[" in _printed(_example(), colour=True)


def test_an_output_that_knows_ascii_only_gets_ascii() -> None:
    text = _printed(recording([span("tools/call größe")]), encoding="ascii")
    assert "gr??e" in text
    assert "####" in text


def test_a_name_cannot_move_the_cursor() -> None:
    text = _printed(recording([span("tools/call \x1b[2Jevil\r\n[red]x")]))
    assert "\x1b" not in text
    assert "?[2Jevil??[red]x" in text.replace("\n", "")


def test_without_operations_the_report_of_a_command_that_failed_says_so() -> None:
    failed = Manifest(("python", "nosuch.py"), "2026-01-01T00:00:00+00:00", duration_s=0.3, exit_code=2)
    text = _printed(replace(recording([]), runs=(Run("r", Path("r"), failed),)))
    assert "The command ended with exit code 2: see what it says by itself." in " ".join(text.split())


def test_without_operations_the_report_asks_what_may_be_wrong() -> None:
    text = _printed(recording([span("GET /", method=None)]))
    assert "None was recorded (1 other span)." in text
    assert "No process.* metrics were recorded." in text
    assert "Slowest" not in text


def test_a_run_without_an_end_and_one_without_a_manifest() -> None:
    killed = Run("r", Path("r"), Manifest(("python", "x.py"), "2026-01-01T00:00:00+00:00"))
    assert "python x.py: still running, or killed" in _printed(recording(runs=(killed,)))
    assert "Not started by groundhog run." in _printed(recording())


def test_several_runs_are_named_by_first_and_last() -> None:
    runs = tuple(Run(name, Path(name)) for name in ("a", "b", "c"))
    assert _printed(recording(runs=runs)).startswith("3 runs, a to c\n")


def test_long_traces_and_long_lists_are_cut_and_say_so() -> None:
    spans = [span("tools/call x", own=1)] + [span(f"s{n}", own=n, parent=1, method=None) for n in range(2, 40)]
    unreadable = tuple(Unreadable(Path("r/a.traces.jsonl"), line) for line in range(1, 9))
    text = _printed(recording(spans, lines=20, unreadable=unreadable))
    assert "… and 14 more spans" in text
    assert "8 of 20 lines unreadable, and left out:" in text
    assert "a.traces.jsonl:5 and 3 more" in text.replace("\n", " ")


def test_a_span_whose_parent_is_missing_is_explained() -> None:
    assert "parent of the outermost span was not recorded" in _printed(recording([span(parent=9)]))


def test_the_same_as_json() -> None:
    found = json.loads(json.dumps(as_json(reported(_example())), allow_nan=False))
    assert sorted(found) == snapshot(
        [
            "budgets",
            "findings",
            "format",
            "host_traffic",
            "lines",
            "operations",
            "optimizations",
            "processes",
            "recorded_s",
            "runs",
            "slowest",
            "spans",
            "started_at_ns",
            "trends",
            "unreadable",
            "usage",
            "versions",
            "within_budget",
        ]
    )
    assert found["operations"][0] == snapshot(
        {
            "service": "app",
            "side": "client",
            "name": "tools/call nap",
            "method": "tools/call",
            "latency": {"count": 1, "p50_s": 0.12, "p90_s": 0.12, "p99_s": 0.12, "max_s": 0.12},
            "errors": {},
            "budget": {"name": "command", "limit_s": 0.05},
            "met": False,
            "distribution": [{"low_s": 0.09976311574844397, "high_s": 0.125594321575479, "count": 1}],
        }
    )
    assert found["unreadable"] == [{"file": "store/run-1/app-11.traces.jsonl", "line": 7}]
    assert found["within_budget"] is False
    assert [(row["depth"], row["name"]) for row in found["slowest"]["spans"]] == [
        (0, "tools/call nap"),
        (1, "tools/call nap"),
        (2, "SELECT"),
    ]


def test_findings_and_trials_are_told_below_the_budgets() -> None:
    text = _printed(made.report(), width=100)
    assert "1. tools/call" in text
    assert "120 ms of each of 25 operations, 3.0 s in all; certain (95 %)" in text
    assert "groundhog report --trace" in text
    assert "offload:tool=find_orders: kept, the mean latency is 28 % lower" in text
    assert "predicted 60 ms less, measured 51 ms less" in text
    assert "mean latency: 182 ms to 131 ms, -28 % (-31 … -24 %), better" in text
    assert "uvloop: refused, it is not installed" in text


def test_findings_that_nobody_looked_for_are_not_denied() -> None:
    assert "Findings" not in _printed(_example())
    assert "No detector has found anything" in _printed(reported(_example(), findings=[]))


def test_everything_is_in_the_json() -> None:
    found = json.loads(json.dumps(as_json(made.report()), allow_nan=False))
    assert found["versions"] == [
        {"name": "opentelemetry python SDK", "version": "1.45.1"}, {"name": "MCP protocol", "version": "2026-07-28"},
    ]  # fmt: skip
    assert [one["met"] for one in found["budgets"] if one["budget"] in ("ui", "memory")] == [None, True]
    assert [one["detector"] for one in found["findings"]] == ["blocking_call", "uncached_lists"]
    assert found["findings"][0]["total_ms"] == 3000
    operation = found["operations"][0]
    assert sum(one["count"] for one in operation["distribution"]) == operation["latency"]["count"]
    assert found["optimizations"][0]["effects"][0]["finding"] == "better"
    assert all(len(line["points"]) <= 240 for trend in found["trends"] for line in trend["lines"])
