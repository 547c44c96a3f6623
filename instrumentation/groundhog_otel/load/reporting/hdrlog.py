"""The result in the log format of HdrHistogram, as its own tools read it: HistogramLogAnalyzer, hdrh and others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone

from hdrh.histogram import HdrHistogram

from groundhog_otel.load.results.result import LoadResult

__all__ = ("hdr_log",)


def hdr_log(result: LoadResult) -> str:
    """Return one line per window and operation, tagged with its name.

    Values are microseconds from the moment each request was due; the readable maximum in each line is in milliseconds,
    the starts are in seconds from the start time (HdrHistogram, ``HistogramLogWriter``, format 1.3).
    """
    return "".join(f"{line}\n" for line in _lines(result))


def _lines(result: LoadResult) -> Iterator[str]:
    began_s = result.started_at_ns / 1e9
    began = datetime.fromtimestamp(began_s, tz=timezone.utc)
    yield f"#[Load test {_tag(result.run_id)}: response latency in microseconds, by operation]"
    yield "#[Histogram log format version 1.3]"
    yield f"#[StartTime: {began_s:.3f} (seconds since epoch), {began:%a %b %d %H:%M:%S} UTC {began:%Y}]"
    # Readers that find no base time guess whether the starts are absolute.
    yield f"#[BaseTime: {began_s:.3f} (seconds since epoch)]"
    yield '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
    for window in sorted(result.windows, key=lambda one: one.start_s):
        for name, encoded in sorted(window.response.items()):
            maximum_ms = HdrHistogram.decode(encoded).get_max_value() / 1000
            yield f"Tag={_tag(name)},{window.start_s:.3f},{window.length_s:.3f},{maximum_ms:.3f},{encoded}"


def _tag(name: str) -> str:
    """Return a name without what the format keeps for itself: commas, spaces, line ends."""
    return re.sub(r"[^\w./:{}@-]+", "_", name)
