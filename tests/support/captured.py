"""What a program under the real SDK leaves behind, read back as everything reads it: through files."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Tracer

from groundhog_otel.settings import McpSettings
from groundhog_otel.store.exporters import SpanFileExporter
from groundhog_otel.store.layout import prepare
from groundhog_otel.store.model import Recording
from groundhog_otel.store.reader import read_runs
from groundhog_otel.testing import capture

Program = Callable[[Tracer], Coroutine[Any, Any, None]]


def recorded(folder: Path, program: Program, *, settings: McpSettings | None = None) -> Recording:
    """Run a program under the instrumentation, its spans exported to files; return what these hold.

    The program is given a tracer for spans of its own. Its clients and servers are of one process.
    """
    run = prepare(folder / "recordings", "run-1")
    with capture(settings=settings) as captured:
        captured.tracer_provider.add_span_processor(SimpleSpanProcessor(SpanFileExporter(run)))
        anyio.run(program, captured.tracer_provider.get_tracer("program"))
    return read_runs([run])
