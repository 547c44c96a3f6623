"""One analysis in a process of its own: ``python -m bench.analysis.worker SPANS`` prints what it took, as JSON."""

from __future__ import annotations

import gc
import json
import resource
import sys
import time

from bench.analysis.made import recording
from groundhog_otel.analysis.analyze import analyze
from groundhog_otel.analysis.critical_path import critical_path
from groundhog_otel.analysis.detectors import NAMES
from groundhog_otel.analysis.drag import drags


def main() -> None:
    made = recording(int(sys.argv[1]))
    traces = made.traces()
    gc.freeze()  # as `groundhog analyze` does
    held_bytes = _peak_bytes()
    took_s: dict[str, float] = {}
    found: dict[str, int] = {}
    for name in NAMES:
        started = time.process_time()
        analysis = analyze(made, names=(name,))
        took_s[name] = time.process_time() - started
        found[name] = len(analysis.findings)
        assert not analysis.failed, analysis.failed
    analyzed_bytes = _peak_bytes()
    started = time.process_time()
    for trace in traces:
        critical_path(trace)
    took_s["critical path of every trace"] = time.process_time() - started
    started = time.process_time()
    for trace in traces:
        drags(trace)
    took_s["drag of every trace"] = time.process_time() - started
    told = {"traces": len(traces), "held_bytes": held_bytes, "analyzed_bytes": analyzed_bytes}
    print(json.dumps({**told, "took_s": took_s, "found": found}))


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
