"""Sending requests to a Collector over one kept-alive connection, and counting what it acknowledged."""

from __future__ import annotations

import http.client
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from tests.support.pipeline.payload import Template

_PROTOBUF = {"Content-Type": "application/x-protobuf"}


@dataclass
class Tally:
    """What became of the requests, in spans. A span is acknowledged when its request was answered with 200."""

    offered: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    """The connection broke before the answer: the Collector may have them or not."""
    refused: Counter[int] = field(default_factory=Counter)
    """By HTTP status."""
    slow: list[bytes] = field(default_factory=list)
    """The ids of the acknowledged traces that are over their budget: each has to be in Jaeger in the end."""
    waited_s: list[float] = field(default_factory=list)
    """How long each answer took."""


class Sender:
    """One connection, as an SDK in some program has it; opened again when it breaks. It never sends anything twice."""

    def __init__(self, port: int, template: Template, tally: Tally | None = None) -> None:
        self.template = template
        self.tally = tally if tally is not None else Tally()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)

    def send(self) -> int | None:
        """Send one request; return the status of the answer, None when there was none."""
        body, ids = self.template.fresh()
        tally, count = self.tally, self.template.count
        tally.offered += count
        started = time.perf_counter()
        try:
            self._connection.request("POST", "/v1/traces", body, _PROTOBUF)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next request opens it again
            tally.unanswered += count
            return None
        tally.waited_s.append(time.perf_counter() - started)
        if answer.status == 200:
            tally.acknowledged += count
            tally.slow += ids[: self.template.shape.slow]
        else:
            tally.refused[answer.status] += count
        return answer.status

    def close(self) -> None:
        self._connection.close()


def post(port: int, body: bytes, headers: Mapping[str, str]) -> int | None:
    """Send one body over a connection of its own; return the status of the answer, None when there was none."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        try:
            connection.request("POST", "/v1/traces", body, dict(headers))
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None


def drive(
    sender: Sender,
    for_s: float,
    *,
    per_s: float | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> float:
    """Send ``per_s`` requests a second, or as many as are answered; return the seconds that it took.

    A request that could not leave in time is not made up for by a burst: the pace goes on from there.
    """
    started = due = time.monotonic()
    while (now := time.monotonic()) - started < for_s and not stop():
        if per_s is not None and now < due:
            time.sleep(min(due - now, 0.05))
            continue
        if per_s is not None:
            due = max(due + 1 / per_s, now - 0.1)
        if sender.send() is None:
            time.sleep(0.02)  # nobody is there: do not spin
    return time.monotonic() - started
