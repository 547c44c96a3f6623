from __future__ import annotations

from groundhog_otel.profiling.narrowing import narrowed
from tests.profiling import made


def test_only_what_matches_everything_is_left() -> None:
    whole = made.profile()
    assert narrowed(whole) == whole
    assert narrowed(whole, span_id=str(made.FETCH.span_id).upper()).samples == made.SAMPLES[2:4]
    assert narrowed(whole, trace_id=made.TRACE_ID).samples == made.SAMPLES[:4]
    assert narrowed(whole, target="search").samples == made.SAMPLES[:2]
    assert narrowed(whole, method="tools/list").samples == made.SAMPLES[5:]
    assert narrowed(whole, trace_id=made.TRACE_ID, target="fetch").samples == made.SAMPLES[2:4]
    assert narrowed(whole, trace_id=made.TRACE_ID, method="tools/list").samples == ()
    assert narrowed(whole, target="search").profile_id == whole.profile_id
