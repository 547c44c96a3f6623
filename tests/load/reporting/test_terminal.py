# ruff: noqa: RUF001 (a dash between two numbers is longer than a hyphen)
from __future__ import annotations

import io
from dataclasses import replace

from inline_snapshot import snapshot
from rich.console import Console

from groundhog_otel.load.links.finding import Link
from groundhog_otel.load.reporting.given import Report
from groundhog_otel.load.reporting.terminal import print_result
from tests.load.reporting import made


def _printed(report: Report, *, encoding: str = "utf-8", width: int = 80, colour: bool = False) -> str:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    console = Console(file=out, width=width, force_terminal=colour, highlight=False, markup=False, emoji=False)
    print_result(report, console)
    out.flush()
    return "\n".join(line.rstrip() for line in raw.getvalue().decode(encoding).splitlines())


def test_a_whole_result_on_eighty_columns() -> None:
    assert _printed(made.report()) == snapshot("""\
FAILED: 1 of 3 thresholds missed, 1 undecided
tools/call search is queueing: p99 is 600 ms from when requests were due, and 20
ms from when they were sent
resources/read file:///docs/{page} is queueing: p99 is 600 ms from when requests
were due, and 20 ms from when they were sent

docs-server 2.4.1, MCP 2025-11-25 over http, http://127.0.0.1:8000/mcp
open model, poisson (rate 300), 30 s measured, after a warm-up of 5 s, 20
connections, 2 workers, seed 7
9,028 requests, 301/s, 11 errors; run 01K9ZQ4Y6T3M

Scaling
At once    Rate    p50   p99 Errors  CPU Memory
      1   206/s 4.1 ms 12 ms    0 % 0.10  88 MB ██
      2   397/s 4.2 ms 13 ms    0 % 0.20  89 MB █████
      4   698/s 4.4 ms 15 ms    0 % 0.40  90 MB ████████
      8 1,152/s 4.8 ms 18 ms    0 % 0.80  91 MB ██████████████
     12 1,431/s 5.2 ms 22 ms    0 % 1.10  93 MB █████████████████
     16 1,533/s 5.6 ms 26 ms    0 % 1.10  94 MB ██████████████████
     24 1,684/s 6.4 ms 33 ms    0 % 1.10  98 MB ████████████████████
     32 1,839/s 7.2 ms 40 ms    0 % 1.10 101 MB ██████████████████████
     48 1,690/s 8.8 ms 55 ms    0 % 1.10 107 MB ████████████████████
     64 1,564/s  10 ms 70 ms    0 % 1.10 114 MB left out
Most throughput: 32 (29 to 36) at once, 1,790 (1,710 to 1,860) requests/s.
Contention 0.06 (0.053 to 0.068), coherency 0.0009 (0.00078 to 0.001).
1,000 commands/s: 0.61 (0.55 to 0.68) cores
  0.61 ms of CPU a request, at 32 at once
5,000 events/s: cannot be told
  the server sent no notification meanwhile
64 users: left out, since worker 0 of the generator used 97 % of a CPU and could
not do more

Thresholds
MISSED    tools/call search: p99 is 672 ms, between 575 ms and 746 ms
          (p99<=50ms); 246 of 7,268 requests took longer than 50 ms
undecided tools/list: p99 takes 368 requests and there were 271; 12 took longer
          than 100 ms, which can be chance. Make the test longer
met       tools/call search: 0.2 % of 7,268 requests failed (error_rate<=1%); 11
          tool:tool_error

Latency
                    p50          p90          p99        p99.9          max
tools/call search: 7,268 requests, 242/s, 11 errors (0.2 %)
  response       4.1 ms       8.5 ms       678 ms       969 ms        1.0 s
             3.9–4.4 ms    7.0–18 ms  12 ms–1.0 s  18 ms–1.0 s
  service        4.1 ms       7.7 ms        13 ms       969 ms        1.0 s
resources/read file:///docs/{page}: 1,489 requests, 50/s, 0 errors
  response        12 ms        19 ms       578 ms      too few       992 ms
               12–13 ms     17–23 ms    23–992 ms  needs 3,688
  service         12 ms        17 ms        25 ms      too few       992 ms
tools/list: 271 requests, 9.0/s, 0 errors
  response      0.80 ms       1.1 ms      too few      too few       921 ms
           0.78–0.84 ms  0.98–921 ms    needs 368  needs 3,688
  service       0.79 ms       1.0 ms      too few      too few       1.3 ms
Response is from the moment a request was due, service from the moment it was
sent. Below a value is the interval that holds the true one (95 %).

Errors
Count Operation         Error                  One message of it
   11 tools/call search tool error: tool_error index is being rebuilt

Where the time goes (mean of 50 requests)
Part              Mean Share
schedule delay   17 ms  66 % ███████████████████████████
client         0.40 ms 1.6 % █
transport       1.1 ms 4.3 % ██
server queue   0.90 ms 3.5 % █
handler         3.8 ms  15 % ██████
downstream      2.1 ms 8.2 % ███
unexplained    0.30 ms 1.1 %
total            26 ms 100 %
The server's side is known of 48 of them; of the others, what the client waited
for is unexplained.

Slowest
  1.0 s  tools/call search, due at 11.99 s
         http://127.0.0.1:16686/trace/ce63dd0326e32308b10e7b04bef1bf14
  1.0 s  tools/call search, due at 12.00 s
         http://127.0.0.1:16686/trace/b7433610b399138394ab3b2323b3d4be
 992 ms  tools/call search, due at 12.01 s
         http://127.0.0.1:16686/trace/b0c91d4e513a21ce5dc45e75976048db
 992 ms  resources/read file:///docs/{page}, due at 12.01 s
         trace 2fade4169bb59b2a6e9c6c749510b822, the trace is not in Jaeger
 991 ms  tools/call search, due at 12.01 s
         http://127.0.0.1:16686/trace/1b496da0b2d2ececc16f4b03625cb1dc
 989 ms  tools/call search, due at 12.01 s
         http://127.0.0.1:16686/trace/7f2edeeb30238270359e1c4417e48a34
 984 ms  tools/call search, due at 12.02 s
         http://127.0.0.1:16686/trace/bee8d206473c1d40c51d586dbbdc5dc3
 982 ms  tools/call search, due at 12.02 s
         http://127.0.0.1:16686/trace/cfbc2cae5d4fb3563cb4b0c117a82667
 968 ms  tools/call search, due at 12.03 s
         http://127.0.0.1:16686/trace/ac11bd71bacebc6128901f5325ccccf1
 961 ms  resources/read file:///docs/{page}, due at 12.04 s
         http://127.0.0.1:16686/trace/f7b5c37b106bec6772a47f03a080db8a

Beside the baseline 01K9ZP0A11RD
                Operation                    Before    Now Change
worse           tools/call search    p50     4.0 ms 4.0 ms +0.7 % (-2.0 to +3.0)
                                     p99      13 ms 672 ms 52.1 times (42 to 58)
                                     errors   0.1 %  0.1 % no difference
better          resources/read       p50      15 ms  12 ms -20.3 % (-24.0 to
                file:///docs/{page}                        -17.0)
                                     errors   0.1 %  0.1 % no difference
too little data tools/list           latency               it takes 368 requests
                                                           of each test, and one
                                                           has 271
                                     errors   0.1 %  0.1 % no difference
workers differs: 1 before, 2 now

The generator itself
Worker  CPU at most Late p50     p99 at most GC at most
     0 31 %    52 %  0.04 ms 0.60 ms  4.0 ms     1.2 ms
     1 29 %    47 %  0.04 ms 0.50 ms  3.0 ms     1.1 ms

Next: Requests of tools/call search queued: find the concurrency that the server
can take with a sweep, or what stalls it in the slowest traces.\
""")


def test_a_result_that_has_passed_says_so_and_what_is_not_known_takes_no_room() -> None:
    calm = made.result(stall_at_s=None, rate=100, self_checks=(), slowest=())
    report = made.report(calm, verdict=made.passed(), comparison=None, scaling=None, budget=None, links=(), baseline="")
    assert _printed(report) == snapshot("""\
PASSED: 1 threshold met

docs-server 2.4.1, MCP 2025-11-25 over http, http://127.0.0.1:8000/mcp
open model, poisson (rate 100), 30 s measured, after a warm-up of 5 s, 20
connections, 2 workers, seed 7
2,996 requests, 100/s, 9 errors; run 01K9ZQ4Y6T3M

Thresholds
met tools/call search: p99 is 13 ms, between 12 ms and 14 ms (p99<=50ms); 0 of
    7,268 requests took longer than 50 ms

Latency
                    p50          p90          p99        p99.9          max
tools/call search: 2,445 requests, 82/s, 9 errors (0.4 %)
  response       4.0 ms       7.8 ms        12 ms      too few        23 ms
             3.9–4.2 ms   7.5–8.0 ms     12–13 ms  needs 3,688
  service        4.0 ms       7.8 ms        12 ms      too few        23 ms
resources/read file:///docs/{page}: 465 requests, 16/s, 0 errors
  response        12 ms        17 ms        24 ms      too few        27 ms
               12–13 ms     17–19 ms     21–27 ms  needs 3,688
  service         12 ms        17 ms        24 ms      too few        27 ms
tools/list: 86 requests, 2.9/s, 0 errors
  response      0.80 ms       1.0 ms      too few      too few       1.3 ms
           0.72–0.87 ms  0.95–1.1 ms    needs 368  needs 3,688
  service       0.80 ms       1.0 ms      too few      too few       1.3 ms
Response is from the moment a request was due, service from the moment it was
sent. Below a value is the interval that holds the true one (95 %).

Errors
Count Operation         Error                  One message of it
    9 tools/call search tool error: tool_error index is being rebuilt

Next: Keep this result as the baseline that the next one is compared with.\
""")


def test_an_invalid_result_says_so_before_anything_else() -> None:
    lines = _printed(made.report(verdict=made.verdict(valid=False))).splitlines()
    assert lines[:2] == [
        "INVALID: these numbers say nothing reliable about the server",
        "worker 1 used 97 % of its CPU: it could not send on time",
    ]
    assert " ".join(lines[-2:]).startswith("Next: Give the generator more room and measure again: more workers (now 2)")
    coloured = _printed(made.report(verdict=made.verdict(valid=False)), colour=True).splitlines()
    assert coloured[0].startswith("\x1b[1;31mINVALID")


def test_a_test_that_ended_early_says_why() -> None:
    ended = "the test ended early (Ctrl-C): what was recorded until then is judged"
    verdict = replace(made.verdict(), reasons=(ended,))
    text = _printed(made.report(made.result(interrupted="Ctrl-C", unfinished=3), verdict=verdict))
    assert text.splitlines()[1] == ended
    assert "11 errors, 3 requests given up;" in text
    assert "Next: Let it run to its end before you rely on it." in text


def test_piped_there_are_neither_colours_nor_lines_too_long() -> None:
    text = _printed(made.report())
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_on_a_terminal_there_are_colours() -> None:
    assert "\x1b[1;31mMISSED" in _printed(made.report(), colour=True)


def test_an_output_that_knows_ascii_only_gets_ascii() -> None:
    text = _printed(made.report(), encoding="ascii")
    assert "3.9-4.4 ms" in text
    assert "####" in text
    assert "?" not in text


def test_what_is_long_about_a_slow_request_goes_on_below_its_beginning() -> None:
    slow = replace(made.result().slowest[0], error="assertion:structuredContent.items[0].owner.name.first")
    lines = _printed(made.report(made.result(slowest=(slow,)), links=())).splitlines()
    at = lines.index("Slowest")
    assert lines[at + 1] == "  1.0 s  tools/call search, due at 11.99 s, unexpected result:"
    assert lines[at + 2] == "         structuredContent.items[0].owner.name.first"
    assert lines[at + 3] == f"         trace {slow.trace_id}"


def test_a_link_is_never_broken_into_lines() -> None:
    made_ = made.result()
    url = "https://jaeger.example.com/a/long/path/in/front/of/all/of/it/trace/" + made_.slowest[0].trace_id
    text = _printed(made.report(made_, links=(Link(made_.slowest[0], url, found=True),)))
    assert url in text
    assert f"trace {made_.slowest[1].trace_id}" in text


def test_what_a_server_says_cannot_move_the_cursor_and_is_no_markup() -> None:
    hostile = "\x1b[2Jevil\r\n[red]x"
    operation = replace(
        made.result().operations[0],
        name=hostile,
        errors={f"tool:{hostile}": 300},
        messages={f"tool:{hostile}": hostile},
    )
    text = _printed(made.report(made.result(operations=(operation,), target=hostile, server=None)))
    assert "\x1b" not in text
    assert text.replace("\n", "").count("?[2Jevil??[red]x") >= 4


def test_a_result_without_a_single_request_says_what_to_do() -> None:
    empty = made.result(operations=(), windows=(), slowest=(), sample=(), duration_s=0.0)
    text = _printed(made.report(empty, comparison=None, scaling=None, budget=None, links=()))
    assert "No request was answered after the warm-up." in text
    assert "Next: No request was answered after the warm-up: run for longer" in text
