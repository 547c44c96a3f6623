"""Each detector finds its fault and none finds anything else: real processes, instrumented as a user would."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from groundhog_otel.analysis.detectors import NAMES
from groundhog_otel.analysis.finding import Finding
from groundhog_otel.store.model import Recording
from tests.faults.client import FAULTY as CLIENT_SIDE
from tests.faults.faults import CLEAN, CLIENT, FAULTS, SERVER, Transport
from tests.faults.recording import record
from tests.faults.server import FAULTY as SERVER_SIDE

pytestmark = pytest.mark.timeout(240)
_LIKELY = 0.5
"""A finding that is no surer than that says of itself that it may as well be none."""


def _found(recording: Recording) -> list[Finding]:
    return [
        finding
        for name in NAMES
        for finding in import_module(f"groundhog_otel.analysis.detectors.{name}").detect(recording)
        if finding.confidence > _LIKELY
    ]


def _sound(recording: Recording) -> None:
    assert {one.process.service for one in recording.spans} == {SERVER, CLIENT}
    assert not recording.unreadable


def test_every_detector_has_a_fault() -> None:
    assert set(NAMES) <= FAULTS.keys()
    assert FAULTS.keys() == SERVER_SIDE.keys() == CLIENT_SIDE.keys()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_its_detector_and_by_no_other(fault: str, tmp_path: Path) -> None:
    recording = record(fault, 1, tmp_path)
    _sound(recording)
    found = _found(recording)
    expected = {(fault, FAULTS[fault].target)} if fault in NAMES else set()
    assert {(one.detector, one.target) for one in found} == expected, found
    for one in found:
        assert one.evidence
        assert one.impact_ms >= 0  # a large answer may cost tokens alone
        assert one.affected > 0
        assert 0 < one.confidence <= 1
        ids = {(span.trace_id, span.span_id) for span in recording.spans}
        assert all((seen.trace_id, seen.span_id) in ids for seen in one.evidence if seen.span_id is not None)


@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_nothing_is_found_on_a_clean_server(transport: Transport, tmp_path: Path) -> None:
    recording = record(CLEAN, 1, tmp_path, transport=transport)
    _sound(recording)
    assert _found(recording) == []


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_nothing_is_found_on_a_clean_server_in_20_runs(tmp_path: Path) -> None:
    found = {}
    for seed in range(20):
        recording = record(CLEAN, seed, tmp_path / str(seed), transport="stdio" if seed % 2 else "http")
        found[seed] = _found(recording)
    assert not {seed: one for seed, one in found.items() if one}
