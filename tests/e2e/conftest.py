"""The real stack, once for all end-to-end tests, on ports of its own; and a webhook that alerts arrive at."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import pytest

from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.support.ports import free_ports

__all__ = ("free_ports",)  # defined elsewhere, and for the tests of this room as well
T = TypeVar("T")
SHARE_PERCENT = 10
FAST_DECISIONS = {"GROUNDHOG_ROOT_WAIT": "1s", "GROUNDHOG_DECISION_WAIT": "5s"}
_DIRECT = build_opener(ProxyHandler({}))


def say(line: str) -> None:
    print(line, file=sys.stderr)


def eventually(look: Callable[[], T | None], *, within_s: float, what: str) -> T:
    """Return the first true answer of ``look``; fail when there is none in time."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.25)


def get(url: str) -> Any:
    """Return the JSON at an address on loopback, whatever proxy the environment names."""
    with _DIRECT.open(url, timeout=10) as answer:
        return json.load(answer)


@dataclass
class Webhook:
    """What Alertmanager has notified of."""

    url: str
    alerts: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class RunningStack:
    """The stack and what it answers."""

    stack: Stack
    webhook: Webhook

    @property
    def ports(self) -> dict[str, int]:
        return dict(self.stack.settings.ports)

    def _get(self, port: str, path: str, **query: object) -> Any:
        return get(f"http://127.0.0.1:{self.ports[port]}{path}?{urlencode(query)}")

    def query(self, promql: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and values of an instant query."""
        data = self._get("prometheus", "/api/v1/query", query=promql)["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in data]

    def exemplars(self, promql: str) -> list[tuple[str, float]]:
        """Return the trace ids and values of the exemplars of the last hour."""
        now = time.time()
        data = self._get("prometheus", "/api/v1/query_exemplars", query=promql, start=now - 3600, end=now)["data"]
        return [
            (exemplar["labels"]["trace_id"], float(exemplar["value"]))
            for series in data
            for exemplar in series["exemplars"]
        ]

    def traces(self, service: str, operation: str = "", *, limit: int = 5000) -> list[dict[str, Any]]:
        """Return the stored traces in which a service has a span, of that name where one is given."""
        found = self._get(
            "jaeger_query", "/api/traces", service=service, operation=operation, limit=limit, lookback="1h"
        )["data"]
        return list(found or [])

    def trace(self, trace_id: str) -> dict[str, Any] | None:
        """Return one stored trace, None when there is none of that id."""
        try:
            found = self._get("jaeger_query", f"/api/traces/{trace_id}")["data"]
        except HTTPError as error:
            assert error.code == 404
            return None
        return dict(found[0]) if found else None


@pytest.fixture(scope="session")
def webhook() -> Iterator[Webhook]:
    found = Webhook("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.alerts.extend(body["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/alerts"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def settings(webhook: Webhook, tmp_path_factory: pytest.TempPathFactory) -> StackSettings:
    found, problems = StackSettings.from_environ()
    assert not problems
    state: Path = tmp_path_factory.mktemp("stack")
    return found._replace(state=state, ports=free_ports(), webhook=webhook.url, interval="1s")


@pytest.fixture(scope="session")
def running_stack(settings: StackSettings, webhook: Webhook) -> Iterator[RunningStack]:
    stack = Stack(settings, say=say, environment={"GROUNDHOG_SHARE_PERCENT": str(SHARE_PERCENT), **FAST_DECISIONS})
    stack.up()
    yield RunningStack(stack, webhook)
    stack.down()
