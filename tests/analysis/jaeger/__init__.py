"""Jaeger's own critical paths, by Jaeger's own code, compiled in a checkout of it that is left as it is.

The released Jaeger serves them as the MCP tool ``get_critical_path``. The one that `groundhog stack` builds (1.76, the
last that the Go module proxy knows) does not have it yet, hence this. ``python -m tests.analysis.jaeger CHECKOUT``
writes answers.jsonl anew, which the tests hold ours against where there is no checkout.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from groundhog_otel.store.model import Trace
from tests.analysis.trees import US, Numbers
from tests.support.recorded import traces_line

HERE = Path(__file__).parent
ANSWERS = HERE / "answers.jsonl"
_PACKAGE = "cmd/jaeger/internal/extension/jaegerquery/internal/mcptools/groundhog"

Sections = list[tuple[int, int, int]]
"""Of each section: the number of its span, start and end in microseconds."""


def build(checkout: Path, folder: Path) -> Path:
    """Compile the program into ``folder``; the first time, Go fetches what it needs of Jaeger's dependencies."""
    overlay = folder / "overlay.json"
    overlay.write_text(json.dumps({"Replace": {str(checkout / _PACKAGE / "main.go"): str(HERE / "main.go")}}))
    program = folder / "jaeger-critical-path"
    subprocess.run(
        ["go", "build", "-overlay", overlay, "-o", program, f"./{_PACKAGE}"],
        cwd=checkout,
        env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"},
        check=True,
        timeout=600,
    )
    return program


def ask(program: Path, traces: Sequence[Trace]) -> list[Sections]:
    """Return what Jaeger makes the critical path of each trace, by time."""
    told = "".join(traces_line(*trace.spans) for trace in traces)
    done = subprocess.run([program], input=told, capture_output=True, text=True, timeout=60, check=True)
    return [
        sorted(
            (
                (int(one["span_id"], 16), one["section_start"], one["section_end"])
                for one in json.loads(line)
            ),
            key=lambda one: one[1],
        )
        for line in done.stdout.splitlines()
    ]  # fmt: skip


def numbers_of(trace: Trace) -> list[Numbers]:
    """Return a trace as numbers; its times are whole microseconds, as Jaeger has them."""
    return [
        (
            int(span.span_id, 16),
            None if span.parent_id is None else int(span.parent_id, 16),
            span.start_ns // US,
            span.end_ns // US,
        )
        for span in trace.spans
    ]
