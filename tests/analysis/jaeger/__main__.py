"""``python -m tests.analysis.jaeger CHECKOUT``: ask Jaeger's code, and keep its answers."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from groundhog_otel.store.model import Trace
from tests.analysis.jaeger import ANSWERS, ask, build, numbers_of
from tests.analysis.trees import for_jaeger

COUNT = 200


def _traces() -> list[Trace]:
    found: list[Trace] = []

    @seed(1)
    @settings(max_examples=COUNT, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(for_jaeger())
    def take(trace: Trace) -> None:
        found.append(trace)

    take()
    return found


if __name__ == "__main__":
    traces = _traces()
    with tempfile.TemporaryDirectory() as folder:
        answers = ask(build(Path(sys.argv[1]).absolute(), Path(folder)), traces)
    with ANSWERS.open("w", encoding="utf-8") as file:
        for trace, sections in zip(traces, answers, strict=True):
            file.write(json.dumps({"spans": numbers_of(trace), "sections": sections}, separators=(",", ":")) + "\n")
    print(f"{len(traces)} traces, {sum(len(trace.spans) for trace in traces)} spans: {ANSWERS}")
