from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.files import find_profile, find_profiles, save_profile
from groundhog_otel.profiling.model import Sample, new_profile_id
from groundhog_otel.semconv import PROFILE_ID
from groundhog_otel.store.layout import prepare, profile_file, signal_file
from tests.profiling import made


def recorded(store: Path, run: str, *samples: Sample) -> tuple[str, Path]:
    found = replace(made.profile(*samples), profile_id=new_profile_id())
    file = profile_file(prepare(store, run), service="a.shop", pid=4711, kind="cpu", profile_id=found.profile_id)
    save_profile(file, found)
    return found.profile_id, file


def test_a_profile_is_found_by_its_id_and_by_the_spans_that_it_covers(tmp_path: Path) -> None:
    fetched = next(one for one in made.SAMPLES if one.link == made.FETCH)
    old_id, old = recorded(tmp_path, "2026-01-01", made.SAMPLES[0])
    _, new = recorded(tmp_path, "2026-01-02", fetched)
    assert find_profiles(tmp_path) == [new, old]
    assert find_profile(tmp_path, profile_id=old_id.upper()) == old
    assert find_profile(tmp_path, span_id=made.SEARCH.span_id) == old
    assert find_profile(tmp_path, span_id=made.FETCH.span_id) == new
    assert find_profiles(tmp_path, trace_id=made.TRACE_ID) == [new, old]
    assert find_profile(tmp_path, trace_id=made.TRACE_ID, span_id=made.SEARCH.span_id) == old
    assert find_profile(tmp_path, profile_id=old_id, span_id=made.FETCH.span_id) is None
    assert find_profile(tmp_path, span_id="b7ad6b71") is None
    assert find_profile(tmp_path / "2026-01-01") == old


def test_a_span_whose_call_was_too_short_names_its_profile(tmp_path: Path) -> None:
    profile_id, file = recorded(tmp_path, "2026-01-01", made.SAMPLES[0])
    recorded(tmp_path, "2026-01-02", made.SAMPLES[0])
    attributes = [{"key": PROFILE_ID, "value": {"stringValue": profile_id}}]
    span = {"traceId": "ab" * 16, "spanId": "b7ad6b7100000001", "attributes": attributes}
    child = {"traceId": "ab" * 16, "spanId": "b7ad6b7100000002", "parentSpanId": "b7ad6b7100000001"}
    batch = {"resourceSpans": [{"scopeSpans": [{"spans": [span, child]}]}]}
    traces = signal_file(file.parent, service="a.shop", pid=4711, signal="traces")
    traces.write_text(f'{json.dumps(batch)}\n{{"resourceSpans": [{{"cut off "b7ad6b7100000001"')
    assert find_profiles(tmp_path, span_id="B7AD6B7100000001") == [file]
    assert find_profile(tmp_path, span_id="b7ad6b7100000001", trace_id="ab" * 16) == file
    assert find_profile(tmp_path, span_id="b7ad6b7100000001", trace_id="cd" * 16) is None
    assert find_profile(tmp_path, span_id="b7ad6b7100000002") is None


def test_a_store_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"Cannot read .*none \(No such file or directory\)"):
        find_profile(tmp_path / "none")
