"""What a capture holds, as the analysis reads it: by way of the files that the exporter writes."""

from __future__ import annotations

from pathlib import Path

from groundhog_otel.store.exporters import SpanFileExporter
from groundhog_otel.store.model import Recording
from groundhog_otel.store.reader import read_runs
from tests.support.telemetry import Capture

__all__ = ("recording_of",)


def recording_of(capture: Capture, folder: Path) -> Recording:
    """Return the spans of a capture as a recording that was written to ``folder`` and read back."""
    exporter = SpanFileExporter(run=folder)
    exporter.export(capture.spans())
    exporter.shutdown()
    recording = read_runs([folder])
    assert not recording.unreadable
    return recording
