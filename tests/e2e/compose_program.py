"""Runs in a network namespace of its own: starts programs, waits for their health, passes a slow call through them.

Reads from standard input what to start ({name: {command, environment, health}}) and which Prometheus query to wait for;
writes what it has found.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

TRACE_ID = "5b8efff798038103d269b633813fc60c"
_DIRECT = build_opener(ProxyHandler({}))


def wait(what: str, look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            if found := look():
                return found
        time.sleep(0.2)
    sys.exit(f"not within a minute: {what}")


def get(url: str) -> Any:
    with _DIRECT.open(url, timeout=5) as answer:
        return json.load(answer)


def answers(url: str) -> bool:
    with _DIRECT.open(url, timeout=5) as answer:
        return bool(answer.status == 200)


def send_a_slow_call() -> None:
    end = time.time_ns()
    span = {
        "traceId": TRACE_ID,
        "spanId": "eee19b7ec3c1b174",
        "name": "tools/call slow",
        "kind": 2,
        "startTimeUnixNano": str(end - 80_000_000),
        "endTimeUnixNano": str(end),
        "attributes": [{"key": "mcp.method.name", "value": {"stringValue": "tools/call"}}],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "composed"}}]}
    body = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}).encode()
    address = "http://127.0.0.1:4318/v1/traces"
    with _DIRECT.open(Request(address, body, {"Content-Type": "application/json"}), timeout=5) as answer:
        assert answer.status == 200


def main() -> None:
    asked = json.load(sys.stdin)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    running = []
    try:
        for name, part in asked["parts"].items():
            environment = {"PATH": os.environ["PATH"], **part["environment"]}
            with open(f"{name}.log", "wb") as log:  # noqa: PTH123 - beside us, in the folder we run in
                running.append(subprocess.Popen(part["command"], env=environment, stdout=log, stderr=log))
        for name, part in asked["parts"].items():
            wait(f"health of {name}", partial(answers, part["health"]))
        send_a_slow_call()
        trace = wait("the trace", lambda: get(f"http://127.0.0.1:16686/api/traces/{TRACE_ID}")["data"])
        query = "http://127.0.0.1:9090/api/v1/query?query=" + quote(asked["query"])
        value = wait("the metric", lambda: get(query)["data"]["result"])[0]["value"][1]
        manager = get("http://127.0.0.1:9090/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
        monitor = get("http://127.0.0.1:16686/api/metrics/minstep?service=composed")
        sockets = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout
        listening = sorted({line.split()[3] for line in sockets.splitlines()})
        operation = trace[0]["spans"][0]["operationName"]
        found = {"operation": operation, "value": value, "managers": len(manager), "monitor": monitor["errors"]}
        print(json.dumps({**found, "listening": listening}))
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


main()
