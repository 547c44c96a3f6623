"""What the endpoint answers, with which status; and that nothing that happens to it reaches the program."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from groundhog_otel.mcp import guard
from groundhog_otel.monitor import MetricCollector
from groundhog_otel.monitor import endpoint as endpoints
from groundhog_otel.monitor.endpoint import Endpoint
from groundhog_otel.monitor.loops import ask as ask_loop
from groundhog_otel.monitor.loops import running
from groundhog_otel.monitor.metrics import Key, from_json
from tests.monitor.asking import ask

SLOW = Key("server", "tools/call", "search")


@pytest.fixture
def collector() -> Iterator[MetricCollector]:
    with MetricCollector() as found:
        yield found


@pytest.fixture
def endpoint(collector: MetricCollector) -> Iterator[Endpoint]:
    found = Endpoint(collector)
    yield found
    found.close()


@pytest.fixture
def loop(collector: MetricCollector) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop in a thread of its own, that the collector knows."""
    found = asyncio.new_event_loop()
    thread = threading.Thread(target=found.run_forever)
    thread.start()
    collector.watch.loops.add(found)
    yield found
    found.call_soon_threadsafe(found.stop)
    thread.join()
    found.close()


def test_it_is_alive(endpoint: Endpoint) -> None:
    answer = ask(endpoint.url, "/livez")
    assert (answer.status, answer.body) == (200, b"alive\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["server"].startswith("groundhog-health/")


def test_it_is_ready_while_its_loops_answer(
    endpoint: Endpoint, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = ask(endpoint.url, "/readyz")
    assert (ready.status, ready.said["ready"], ready.said["event_loop"]) == (200, True, "answers")
    assert ready.said["answered_in_s"] > 0
    monkeypatch.setattr(endpoints, "READY_S", 0.2)
    released = threading.Event()
    loop.call_soon_threadsafe(released.wait, 30)
    blocked = ask(endpoint.url, "/readyz")
    assert (blocked.status, blocked.said["event_loop"], blocked.said["answered_in_s"]) == (503, "blocked", None)
    assert ask(endpoint.url, "/livez").status == 200
    metrics = ask(endpoint.url, "/metrics.json")
    assert (metrics.status, metrics.said["loop_answers"], metrics.said["loop_lag_s"]) == (200, False, None)
    assert from_json(metrics.said).loop_lag_s == float("inf")
    released.set()
    assert ask(endpoint.url, "/readyz").status == 200


def test_of_no_loop_nothing_is_known(endpoint: Endpoint) -> None:
    answer = ask(endpoint.url, "/readyz")
    assert (answer.status, answer.said["event_loop"]) == (200, "unknown")


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_the_main_threads_loop_is_found_before_any_operation(kind: str) -> None:
    module = pytest.importorskip(kind)

    async def main() -> tuple[int, float]:
        await asyncio.sleep(0)
        found = await asyncio.to_thread(running, ())
        assert found == [asyncio.get_running_loop()]
        return len(found), await asyncio.to_thread(ask_loop, found[0], 20)

    count, answered_s = module.run(main())
    assert count == 1
    assert 0 < answered_s < 20


def test_a_loop_that_is_over_does_not_answer() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    assert ask_loop(loop, 1) == float("inf")
    assert running([loop]) == []


def test_each_budget_has_a_state(endpoint: Endpoint, collector: MetricCollector) -> None:
    collector.watch.note(SLOW, 0.02)
    fine = ask(endpoint.url, "/healthz")
    assert (fine.status, fine.said["state"]) == (200, "ok")
    assert set(fine.said["budgets"]) == {
        "command", "protocol", "ui", "background", "memory", "cpu", "network", "disk",
    }  # fmt: skip
    assert fine.said["budgets"]["command"] == {
        "state": "ok", "name": "command", "limit": 0.05, "unit": "s", "measured": 0.02, "count": 1,
        "worst": "tools/call search",
    }  # fmt: skip
    assert fine.said["budgets"]["ui"]["state"] == "unknown"
    collector.watch.note(SLOW, 0.06)
    over = ask(endpoint.url, "/healthz?verbose")
    assert (over.status, over.said["state"], over.said["budgets"]["command"]["state"]) == (503, "over", "over")
    assert over.said["budgets"]["command"]["count"] == 2


def test_a_failing_collector_is_an_error_of_the_endpoints_alone(
    endpoint: Endpoint, collector: MetricCollector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(guard, "_said", set())

    def broken() -> Any:
        raise RuntimeError("nothing can be collected today")

    monkeypatch.setattr(collector, "collect_metrics", broken)
    for _ in range(2):
        assert ask(endpoint.url, "/healthz").status == 500
    assert ask(endpoint.url, "/livez").status == 200
    assert [record.getMessage() for record in caplog.records] == [
        "telemetry failed in health; the MCP call goes on without it"
    ]


def test_other_paths_and_other_methods(endpoint: Endpoint) -> None:
    missing = ask(endpoint.url, "/mcp")
    assert (missing.status, "/healthz" in missing.said["error"]) == (404, True)
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        refused = ask(endpoint.url, "/livez", method, b"x" * 10)
        assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")
    head = ask(endpoint.url, "/livez", "HEAD")
    assert (head.status, head.headers["content-length"], head.body) == (200, "6", b"")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:9464", 200), ("127.0.0.1", 200), ("[::1]:9464", 200), ("evil.example", 403),
        ("127.0.0.1.evil.example:80", 403), ("[", 403),
    ],
)  # fmt: skip
def test_on_loopback_only_this_machine_is_meant(host: str, status: int, endpoint: Endpoint) -> None:
    """A page whose name was made to point here gets nothing."""
    assert ask(endpoint.url, "/metrics.json", Host=host).status == status


def test_elsewhere_names_are_what_they_are(collector: MetricCollector) -> None:
    endpoint = Endpoint(collector, address="0.0.0.0")
    assert ask(endpoint.url, "/livez", Host="my-server.svc").status == 200
    endpoint.close()


@pytest.mark.parametrize(
    "nonsense", [b"", b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000]
)
def test_nonsense_and_clients_that_say_nothing_hold_nobody_up(
    nonsense: bytes, endpoint: Endpoint, capfd: pytest.CaptureFixture[str]
) -> None:
    clients = []
    for _ in range(20):
        client = socket.create_connection(("127.0.0.1", endpoint.port), 10)
        client.sendall(nonsense)
        clients.append(client)
    assert ask(endpoint.url, "/livez").status == 200
    for client in clients:
        client.close()
    assert ask(endpoint.url, "/livez").status == 200
    assert capfd.readouterr() == ("", "")


def test_it_listens_on_loopback_and_stops(collector: MetricCollector) -> None:
    endpoint = Endpoint(collector)
    assert endpoint.url == f"http://127.0.0.1:{endpoint.port}"
    assert ask(endpoint.url, "/livez").status == 200
    with pytest.raises(OSError, match=r".*"):
        Endpoint(collector, port=endpoint.port)
    endpoint.close()
    with pytest.raises(ConnectionRefusedError):
        ask(endpoint.url, "/livez")
    again = Endpoint(collector, port=endpoint.port)
    assert ask(again.url, "/livez").status == 200
    again.close()


def test_every_address_is_reached_by_loopback(collector: MetricCollector) -> None:
    endpoint = Endpoint(collector, address="0.0.0.0")
    assert endpoint.url == f"http://127.0.0.1:{endpoint.port}"
    assert ask(endpoint.url, "/livez").status == 200
    endpoint.close()


def test_version_six_addresses(collector: MetricCollector) -> None:
    try:
        endpoint = Endpoint(collector, address="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert endpoint.url == f"http://[::1]:{endpoint.port}"
    assert ask(endpoint.url, "/livez").status == 200
    endpoint.close()


def _states(endpoint: Endpoint, until: str) -> dict[str, str]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        states: dict[str, str] = ask(endpoint.url, "/readyz").said["telemetry"]
        if until in states.values():
            return states
        endpoint._destinations._looked_s = float("-inf")
        time.sleep(0.1)
    raise AssertionError(json.dumps(states))


def test_where_telemetry_goes_is_told_and_decides_nothing(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        assert _states(endpoint, "listening") == {f"127.0.0.1:{port}": "listening"}
    assert _states(endpoint, "refused") == {f"127.0.0.1:{port}": "refused"}
    assert ask(endpoint.url, "/readyz").status == 200
