"""Answers over HTTP for this process' health, from a thread of its own and with the standard library only.

It reads what the collector holds, and asks the event loops how they are. Neither a slow client nor an error of ours
holds the program up, and nothing is written to its standard output or error for a request.
"""

from __future__ import annotations

import json
import math
import socket
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from groundhog_otel import __version__
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.monitor.collector import MetricCollector
from groundhog_otel.monitor.destinations import Destinations
from groundhog_otel.monitor.loops import running, slowest_answer_s

__all__ = ("READY_S", "Endpoint")

READY_S: Final = 1.0
"""A process is ready when its event loops answer within this."""
_PATIENCE_S: Final = 5.0
_POLL_S: Final = 1.0
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_Answer = tuple[int, "Mapping[str, Any] | str"]
_DOORS: Final = ("/livez", "/readyz", "/healthz", "/metrics.json")


class Endpoint:
    """Listens from its making until :meth:`close`."""

    def __init__(self, collector: MetricCollector, *, address: str = "127.0.0.1", port: int = 0) -> None:
        """Listen.

        Raises:
            OSError: the port is taken, or the address is none of this machine's.
        """
        self._collector = collector
        self._destinations = Destinations()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET

        class Handler(_Handler):
            answers: ClassVar[Mapping[str, Callable[[], _Answer]]] = {
                "/livez": self._alive,
                "/readyz": self._ready,
                "/healthz": self._healthy,
                "/metrics.json": self._metrics,
            }
            local = address in _LOOPBACK

        class Server(ThreadingHTTPServer):
            address_family = family
            daemon_threads = True
            allow_reuse_address = True

            def server_bind(self) -> None:
                """Bind, without asking the resolver what the address is called: it may take its time."""
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self.socket.bind(self.server_address)
                self.server_address = self.socket.getsockname()
                self.server_name, self.server_port = address, int(self.server_address[1])

            def handle_error(self, *_: Any) -> None:
                """Say nothing of a client that has gone away."""

        self._server = Server((address, port), Handler)
        self.port = self._server.server_port
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104 - where it is reached from here
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="groundhog-health", daemon=True, kwargs={"poll_interval": _POLL_S}
        )
        self._thread.start()

    def close(self) -> None:
        """Listen no more, within a second. Whoever is being answered still is."""
        self._server.shutdown()
        self._server.server_close()

    def abandon(self) -> None:
        """Close a forked child's copy of the socket: its parent answers, and goes on to."""
        self._server.socket.close()

    def _alive(self) -> _Answer:
        return HTTPStatus.OK, "alive\n"

    def _ready(self) -> _Answer:
        loops = running(self._collector.watch.loops)
        answer_s = slowest_answer_s(loops, READY_S)
        ready = answer_s is None or not math.isinf(answer_s)
        said = {
            "ready": ready,
            "event_loop": "unknown" if answer_s is None else "answers" if ready else "blocked",
            "answered_in_s": answer_s if ready else None,
            "telemetry": dict(self._destinations.states()),
        }
        return (HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE), said

    def _healthy(self) -> _Answer:
        metrics = self._collector.collect_metrics()
        said = {
            "service": metrics.service,
            "pid": metrics.pid,
            "window_s": metrics.window_s,
            **metrics.health.as_json(),
        }
        return (HTTPStatus.OK if metrics.health.ok else HTTPStatus.SERVICE_UNAVAILABLE), said

    def _metrics(self) -> _Answer:
        return HTTPStatus.OK, self._collector.collect_metrics().as_json()


class _Handler(BaseHTTPRequestHandler):
    answers: ClassVar[Mapping[str, Callable[[], _Answer]]]
    local: ClassVar[bool]
    """Whether it listens on loopback only."""
    protocol_version = "HTTP/1.1"
    server_version = f"groundhog-health/{__version__}"
    sys_version = ""
    timeout = _PATIENCE_S

    def do_GET(self) -> None:
        door = self.answers.get(self.path.partition("?")[0])
        if self.local and not _names_this_machine(self.headers.get("Host", "")):
            self._answer(HTTPStatus.FORBIDDEN, {"error": "ask by the name localhost, or by an address"})
            return
        if door is None:
            self._answer(HTTPStatus.NOT_FOUND, {"error": f"there is {', '.join(_DOORS)}"})
            return
        try:
            status, said = door()
        except Exception:
            guarded_error("health")
            status, said = HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "the monitor has failed: see the process' log"}
        self._answer(status, said)

    do_HEAD = do_GET  # noqa: N815 - as above

    def _refuse(self) -> None:
        self.close_connection = True  # its body is not read
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "only GET and HEAD"}, allow="GET, HEAD")

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse  # noqa: N815 - as above

    def _answer(self, status: int, said: Mapping[str, Any] | str, **headers: str) -> None:
        text = isinstance(said, str)
        body = said.encode() if isinstance(said, str) else (json.dumps(said) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8" if text else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in headers.items():
            self.send_header(name.title(), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing: standard error is the program's."""


def _names_this_machine(host: str) -> bool:
    """Tell whether a ``Host`` is localhost or an address.

    A page in a browser can have its own name point to loopback, and read what is there; it asks by that name.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or bool(ip_address(name))
    except ValueError:
        return not host  # HTTP/1.0 need not send one
