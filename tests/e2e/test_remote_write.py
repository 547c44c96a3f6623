"""Metrics pushed by remote write: every series once, with its exemplars, and none of it scraped as well."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.conftest import eventually, get, say
from tests.e2e.prometheus import scraping
from tests.e2e.spans import SLOW_S, call, new_ids, send
from tests.e2e.tiers import two_tiers
from tests.support.otlp import receiving

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

DECISIONS = {"GROUNDHOG_ROOT_WAIT": "1s", "GROUNDHOG_DECISION_WAIT": "3s", "GROUNDHOG_SHARE_PERCENT": "0"}


def _ask(prometheus: int, path: str, **query: object) -> Any:
    return get(f"http://127.0.0.1:{prometheus}/api/v1/{path}?{urlencode(query)}")["data"]


@contextmanager
def _counter(endpoint: str) -> Iterator[MeterProvider]:
    """A watched program's own metrics."""
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"http://{endpoint}", insecure=True), 500)
    provider = MeterProvider([reader], Resource.create({"service.name": "counting"}), shutdown_on_exit=False)
    yield provider
    provider.shutdown()


def test_two_tiers_push_every_series_once_with_its_exemplars(settings: StackSettings, tmp_path: Path) -> None:
    programs = Stack(settings, say=say).build()
    own = settings._replace(state=tmp_path)
    slow = new_ids(200)
    with (
        receiving() as sink,
        scraping(programs["prometheus"], tmp_path, [], "--web.enable-remote-write-receiver") as prometheus,
        two_tiers(
            programs["groundhog-collector"],
            own,
            sinks=[sink.grpc] * 2,
            environment={**DECISIONS, "GROUNDHOG_REMOTE_WRITE": f"http://127.0.0.1:{prometheus}/api/v1/write"},
            overlays=["remote-write"],
        ) as tiers,
    ):
        with _counter(tiers.balancers[0].grpc) as provider:
            provider.get_meter("test").create_counter("answers").add(42)
            for begin in range(0, len(slow), 20):
                spans = [call(trace, duration_s=SLOW_S, root=True) for trace in slow[begin : begin + 20]]
                for number, balancer in enumerate(tiers.balancers):
                    send(balancer.ports["otlp_http"], spans[number::2])
                time.sleep(0.3)  # several flushes

        def value(query: str) -> float:
            found = _ask(prometheus, "query", query=query)["result"]
            return float(found[0]["value"][1]) if found else 0

        for query, wanted in (
            ("sum(mcp_span_calls_total)", len(slow)),
            ("sum(mcp_span_duration_seconds_count)", len(slow)),
            ("sum(mcp_kept_duration_seconds_count)", len(slow)),
            ("sum(answers_total)", 42),
        ):
            eventually(lambda query=query, wanted=wanted: value(query) == wanted, within_s=30, what=query)  # type: ignore[misc]
        series = _ask(prometheus, "series", **{"match[]": '{__name__=~"mcp_.*_calls_total|answers_total|target_info"}'})
        names = Counter(one["__name__"] for one in series)
        assert names["mcp_span_calls_total"] == len(tiers.balancers)
        assert names["mcp_kept_calls_total"] == len(tiers.samplers)
        assert names["answers_total"] == 1
        now = time.time()
        exemplars = {
            exemplar["labels"]["trace_id"]
            for one in _ask(
                prometheus, "query_exemplars", query="mcp_kept_duration_seconds_bucket", start=now - 600, end=now
            )
            for exemplar in one["exemplars"]
        }
        assert exemplars
        assert exemplars <= {trace.hex() for trace in slow}
        assert exemplars <= {span.trace_id.hex() for span in sink.spans}
