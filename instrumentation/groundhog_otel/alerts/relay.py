"""Between Prometheus and Alertmanager: alerts pass through, and get a link to the very trace on the way.

Prometheus' templates cannot read exemplars, so nothing in the rules can name a trace. Whatever is unexpected is passed
on as it came: an alert without a link is better than none.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from groundhog_otel.alerts import AlertError
from groundhog_otel.alerts.quantities import written
from groundhog_otel.alerts.very_trace import Finder, Found, over_budget_s

__all__ = ("ALERTS", "HEALTHY", "Addresses", "Relay", "server")

ALERTS: Final = "/api/v2/alerts"
HEALTHY: Final = "/-/healthy"
_DIRECT: Final = build_opener(ProxyHandler({}))
_LOG: Final = logging.getLogger(__name__)
_LARGEST_BYTES: Final = 64 << 20
_MOST_KNOWN: Final = 10_000
_AGAIN_S: Final = 0.5
_MOMENT_S: Final = 1.0
_FORWARD_S: Final = 4.0
"""With the time that an alert waits for its trace, less than the 10 s that Prometheus gives its receivers."""
_FRACTION: Final = re.compile(r"\.(\d{1,6})\d*")


class Addresses(NamedTuple):
    """Whom the relay talks to, as ``http://host:port``; nobody else, whatever an alert says."""

    alertmanager: str
    prometheus: str
    jaeger: str

    def checked(self) -> Addresses:
        """Return them without a slash at the end.

        Raises:
            AlertError: one is no web address.
        """
        for name, address in zip(self._fields, self, strict=True):
            parts = urlsplit(address)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise AlertError(f"--{name}: {address!r} is no web address. Write http://host:port")
        return Addresses(*(address.rstrip("/") for address in self))


class Relay:
    """What is known of the alerts that fire."""

    def __init__(self, addresses: Addresses, *, wait_s: float = 5.0, clock: Callable[[], float] = time.time) -> None:
        """``wait_s``: how long an alert that is new may wait for its trace, which comes some seconds after it."""
        self._addresses = addresses
        self._finder = Finder(addresses.prometheus, addresses.jaeger)
        self._wait_s = wait_s
        self._clock = clock
        self._known: OrderedDict[str, Found | None] = OrderedDict()
        self._lock = threading.Lock()

    def enriched(self, body: bytes) -> bytes:
        """Return a body of Prometheus' alerts with a link in each that has a trace; as it came, where that fails."""
        try:
            alerts = json.loads(body)
            wanted = [alert for alert in alerts if "exemplars" in alert["annotations"]]
            if not wanted:
                return body
            try:
                self._look(wanted)
            except Exception as error:  # those that were found before are told nevertheless
                _LOG.warning("traces cannot be looked for: %s", error)
            linked = [self._link(alert) for alert in wanted]
            return json.dumps(alerts).encode() if any(linked) else body
        except Exception as error:  # an alert must get through, whatever is wrong with it
            _LOG.warning("alerts are passed on as they came: %s", error)
            return body

    def _look(self, alerts: list[dict[str, Any]]) -> None:
        """Look for the traces of alerts: new ones are worth a wait, others a moment, those that have ended nothing."""
        missing = [alert for alert in alerts if not self._ended(alert) and self._known.get(_key(alert)) is None]
        fresh = any(_key(alert) not in self._known for alert in missing)
        deadline = time.monotonic() + (max(self._wait_s, _MOMENT_S) if fresh else _MOMENT_S)
        for alert in missing:
            self._remember(_key(alert), None)
        while missing:
            for alert in missing[:]:
                if time.monotonic() > deadline:
                    return
                if self._find(alert, deadline):
                    missing.remove(alert)
            if not missing or not fresh:
                return
            time.sleep(_AGAIN_S)

    def _find(self, alert: dict[str, Any], deadline: float) -> bool:
        notes = alert["annotations"]
        found = self._finder.find(
            notes["exemplars"],
            starts_s=_seconds(alert["startsAt"]),
            now_s=self._clock(),
            above_s=over_budget_s(notes.get("budget", "")),
            deadline=deadline,
        )
        if found is not None:
            self._remember(_key(alert), found)
        return found is not None

    def _remember(self, key: str, trace: Found | None) -> None:
        with self._lock:
            self._known[key] = trace
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)

    def _link(self, alert: dict[str, Any]) -> bool:
        """Add what is known of an alert's trace; tell whether there was any."""
        key = _key(alert)
        found = self._known.get(key)
        if self._ended(alert):
            with self._lock:
                self._known.pop(key, None)
        if found is None:
            return False
        notes = alert["annotations"]
        # Where people reach Jaeger may be elsewhere than where the relay does; the page of slow traces knows.
        base = str(notes.get("traces", "")).partition("/search?")[0] or self._addresses.jaeger
        notes["trace"] = f"{base}/trace/{found.trace_id}"
        notes["trace_id"] = found.trace_id
        notes["trace_duration"] = written(round(found.duration_s, 6), "s")
        return True

    def _ended(self, alert: dict[str, Any]) -> bool:
        return bool(alert.get("endsAt")) and _seconds(alert["endsAt"]) <= self._clock()

    def forward(self, body: bytes) -> tuple[int, bytes]:
        """Hand a body on to Alertmanager and return its answer; 502 when there is none."""
        url = f"{self._addresses.alertmanager}{ALERTS}"
        asked = Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - checked by `Addresses.checked`
        try:
            with _DIRECT.open(asked, timeout=_FORWARD_S) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            return error.code, error.read()
        except (OSError, HTTPException) as error:
            _LOG.warning("Alertmanager does not take alerts: %s", error)
            return 502, f"Alertmanager at {self._addresses.alertmanager} does not answer: {error}\n".encode()


def _key(alert: dict[str, Any]) -> str:
    return json.dumps([alert["labels"], alert["startsAt"]], sort_keys=True)


def _seconds(text: str) -> float:
    """Return an RFC 3339 time, which Go writes with nanoseconds, as Unix seconds."""
    return datetime.fromisoformat(_FRACTION.sub(_to_microseconds, text.replace("Z", "+00:00"))).timestamp()


def _to_microseconds(fraction: re.Match[str]) -> str:
    return f".{fraction[1]:0<6}"


def server(listen: tuple[str, int], relay: Relay) -> ThreadingHTTPServer:
    """Return a server that passes alerts on through ``relay``.

    Raises:
        OSError: it cannot listen there.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = 30.0

        def do_GET(self) -> None:
            healthy = self.path == HEALTHY
            self._answer(200 if healthy else 404, b"")

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if self.path != ALERTS or not (length.isascii() and length.isdigit()):
                self._answer(404 if self.path != ALERTS else 411, b"")
                return
            if int(length) > _LARGEST_BYTES:
                self._answer(413, b"")
                return
            self._answer(*relay.forward(relay.enriched(self.rfile.read(int(length)))))

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing of what goes well."""

    return _Server(listen, Handler)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - of the base class
        """Say in one line what the base class says with a traceback: mostly that Prometheus did not wait."""
        _LOG.warning("a request from %s was not answered: %s", client_address, sys.exc_info()[1])
