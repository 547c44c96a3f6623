from __future__ import annotations

import json
from pathlib import Path

import pytest

from groundhog_otel.store.versions import read_versions
from tests.support.recorded import span, traces_line


def _line(**resource: str) -> str:
    found = json.loads(traces_line(span()))
    group = found["resourceSpans"][0]
    group["resource"]["attributes"] += [
        {"key": key.replace("_", "."), "value": {"stringValue": value}} for key, value in resource.items()
    ]
    group["scopeSpans"][0]["scope"]["version"] = "0.1.0"
    return json.dumps(found) + "\n"


def test_versions_are_those_of_sdks_scopes_and_services(tmp_path: Path) -> None:
    line = _line(
        telemetry_sdk_name="opentelemetry",
        telemetry_sdk_language="python",
        telemetry_sdk_version="1.45.1",
        service_version="7",
    )
    for pid in (1, 2):
        (tmp_path / f"app-{pid}.traces.jsonl").write_text(line * 3)
    assert read_versions([tmp_path]) == (
        ("app", "7"),
        ("groundhog_otel.mcp", "0.1.0"),
        ("opentelemetry python SDK", "1.45.1"),
    )


@pytest.mark.parametrize(
    "line", ["", "{", "[]", "7", '{"resourceSpans": [{"resource": 7}]}', '{"resourceSpans": [{}]}', "\xff"]
)
def test_what_cannot_be_read_has_no_versions(tmp_path: Path, line: str) -> None:
    (tmp_path / "app-1.traces.jsonl").write_text(line, encoding="latin-1")
    assert read_versions([tmp_path]) == ()
