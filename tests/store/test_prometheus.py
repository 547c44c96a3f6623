"""What is made of Prometheus' answers; what a real one answers is in tests/e2e/test_sources.py."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from groundhog_otel.store import StoreError
from groundhog_otel.store.model import Buckets, Process
from groundhog_otel.store.prometheus import Prometheus
from groundhog_otel.store.web import RefusedError
from tests.store.backend import answering

S = 10**9
NOW_S = 1_800_000_000
SRV = {"job": "srv", "instance": "i-1", "otel_scope_name": "x"}
STEM = "mcp_server_operation_duration_seconds"

Samples = dict[int, float]


class _Stored:
    """Series as Prometheus has them, and what it was asked."""

    def __init__(self, *series: tuple[dict[str, str], Samples]) -> None:
        self._series = series
        self.asked: list[dict[str, str]] = []

    def __call__(self, path: str, query: dict[str, str]) -> tuple[int, bytes]:
        self.asked.append({"path": path, **query})
        names = re.search(r'__name__=~"([^"]*)"', query["query"])
        jobs = re.search(r'job=~("(?:[^"\\]|\\.)*")', query["query"])
        window = re.search(r"\[(\d+)ms\]", query["query"])
        assert names is not None
        if window is not None:
            end_s = float(query["time"])
            begin_s = end_s - int(window[1]) / 1000
        else:
            begin_s, end_s = float(query["start"]), float(query["end"])
        result: list[dict[str, Any]] = []
        for labels, samples in self._series:
            if not re.fullmatch(names[1], labels["__name__"]):
                continue
            if jobs is not None and not re.fullmatch(json.loads(jobs[1]), labels["job"]):
                continue
            values = [[NOW_S + at, repr(value)] for at, value in samples.items() if begin_s < NOW_S + at <= end_s]
            if values:
                result.append({"metric": labels, "values": values})
        return 200, json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


def _read(stored: _Stored, *, since_s: int = -600, until_s: int = 0, services: tuple[str, ...] = ()) -> Any:
    with answering(stored) as address:
        return Prometheus(address).read(
            since_ns=(NOW_S + since_s) * S, until_ns=(NOW_S + until_s) * S, services=services
        )


def _buckets(**bounds: Samples) -> list[tuple[dict[str, str], Samples]]:
    ends = {"le50ms": "0.05", "le100ms": "0.1", "inf": "+Inf"}
    labels = {**SRV, "mcp_method_name": "tools/call", "gen_ai_tool_name": "nap"}
    return [({"__name__": f"{STEM}_bucket", **labels, "le": ends[end]}, samples) for end, samples in bounds.items()] + [
        ({"__name__": f"{STEM}_sum", **labels}, {at: at / 1000 for at in bounds["inf"]}),
        ({"__name__": f"{STEM}_count", **labels}, bounds["inf"]),
    ]


def test_a_series_has_its_names_and_its_process_again() -> None:
    stored = _Stored(
        ({"__name__": "process_cpu_time_seconds_total", **SRV, "cpu_mode": "user"}, {-20: 1.5, -10: 2.5}),
        ({"__name__": "process_cpu_utilization_ratio", **SRV, "cpu_mode": "user"}, {-20: 0.25, -10: float("nan")}),
        ({"__name__": "cpython_gc_collections_total", **SRV, "cpython_gc_generation": "2"}, {-20: 3.0}),
        ({"__name__": "target_info", "job": "srv", "instance": "i-1", "process_pid": "4711"}, {-20: 1.0}),
        ({"__name__": "up", **SRV}, {-20: 1.0}),
    )
    series, histograms = _read(stored)
    process = Process("srv", 4711)
    assert [(one.name, one.unit, one.process, one.attributes) for one in series] == [
        ("process.cpu.time", "s", process, {"cpu.mode": "user"}),
        ("process.cpu.utilization", "1", process, {"cpu.mode": "user"}),
        ("cpython.gc.collections", "{collection}", process, {"cpython.gc.generation": 2}),
    ]
    assert [[(point.time_ns, point.value) for point in one.points] for one in series] == [
        [((NOW_S - 20) * S, 1.5), ((NOW_S - 10) * S, 2.5)],
        [((NOW_S - 20) * S, 0.25)],
        [((NOW_S - 20) * S, 3.0)],
    ]
    assert histograms == ()


def test_a_histogram_is_put_together_from_its_buckets() -> None:
    buckets = _buckets(inf={-20: 3, -10: 9}, le50ms={-20: 1, -10: 4}, le100ms={-20: 3, -10: 8})
    _, (one,) = _read(_Stored(*buckets))
    assert (one.name, one.unit, one.process, one.boundaries) == (
        "mcp.server.operation.duration", "s", Process("srv"), (0.05, 0.1),
    )  # fmt: skip
    assert one.attributes == {"mcp.method.name": "tools/call", "gen_ai.tool.name": "nap"}
    assert one.points == (
        Buckets((NOW_S - 20) * S, 3, -0.02, (1, 2, 0)),
        Buckets((NOW_S - 10) * S, 9, -0.01, (4, 4, 1)),
    )


def test_a_scrape_that_lacks_a_bucket_is_passed_over() -> None:
    _, (one,) = _read(_Stored(*_buckets(inf={-20: 3, -10: 9}, le50ms={-10: 4})))
    assert [point.counts for point in one.points] == [(4, 5)]
    assert _read(_Stored(*_buckets(inf={-20: 3})[1:])) == ((), ())


def test_two_processes_that_say_no_pid_are_one_histogram() -> None:
    first = _buckets(inf={-20: 3, -10: 5}, le50ms={-20: 3, -10: 3})
    second = [({**labels, "instance": "i-2"}, {-15: 2.0}) for labels, _ in first]
    _, (one,) = _read(_Stored(*first, *second))
    assert [point.counts for point in one.points] == [(3, 0), (5, 0), (5, 2)]


def test_what_the_collector_repeats_of_a_process_that_has_ended_is_left_out() -> None:
    dead = {**SRV, "instance": "dead"}
    stored = _Stored(
        ({"__name__": "process_uptime_seconds", **dead}, {-50: 1.0, -40: 11.0, -30: 11.0, -20: 11.0}),
        ({"__name__": "process_memory_usage_bytes", **dead}, {-50: 5.0, -40: 5.0, -30: 5.0, -20: 5.0}),
        ({"__name__": "process_memory_usage_bytes", **SRV}, {-50: 6.0, -20: 7.0}),
    )
    series, _ = _read(stored)
    assert [[(point.time_ns // S - NOW_S, point.value) for point in one.points] for one in series] == [
        [(-50, 1.0), (-40, 11.0)],
        [(-50, 5.0), (-40, 5.0)],
        [(-50, 6.0), (-20, 7.0)],
    ]


def test_services_with_names_that_are_patterns() -> None:
    odd = 'a.b"c\\'
    series = [
        ({"__name__": "process_uptime_seconds", "job": name}, {-20: 1.0}) for name in (odd, "aXb", "a.b", "other")
    ]
    for wanted in ((odd,), ("a.b", "other")):
        found, _ = _read(_Stored(*series), services=wanted)
        assert tuple(one.process.service for one in found) == wanted


def test_samples_are_asked_for_in_pages_and_beyond_hours_in_steps() -> None:
    samples = {at: float(at) for at in range(-3 * 3600, 0, 60)}
    stored = _Stored(({"__name__": "process_uptime_seconds", **SRV}, samples))
    ((one,), _) = _read(stored, since_s=-3 * 3600 - 1)
    assert [point.value for point in one.points] == list(samples.values())
    assert {asked["path"] for asked in stored.asked} == {"/api/v1/query"}
    assert len(stored.asked) == 2 * 7
    stored.asked.clear()
    _read(stored, since_s=-24 * 3600)
    assert {(asked["path"], asked["step"]) for asked in stored.asked} == {("/api/v1/query_range", "17.28")}


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"data": []}', b'{"data": {"result": 5}}'])
def test_what_is_no_prometheus_is_named(body: bytes) -> None:
    with answering(lambda _path, _query: (200, body)) as address:
        with pytest.raises(StoreError, match=r"Prometheus at http://127\.0\.0\.1:\d+ answers something else"):
            Prometheus(address).read(since_ns=0, until_ns=S)
        with pytest.raises(StoreError, match="is that"):
            Prometheus(address).version()


def test_an_answer_that_is_an_error_is_named() -> None:
    refusing = answering(lambda _path, _query: (422, b'{"status":"error"}'))
    with refusing as address, pytest.raises(RefusedError, match=r"answers 422: is that Prometheus") as raised:
        Prometheus(address).read(since_ns=0, until_ns=S)
    assert (raised.value.code, raised.value.body) == (422, b'{"status":"error"}')
