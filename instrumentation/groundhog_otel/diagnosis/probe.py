"""One empty OTLP export to an endpoint, within a bound of time, and what came of it."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener, getproxies, proxy_bypass

__all__ = ("TIMEOUT_S", "Answer", "Outcome", "Target", "by_proxy", "probe")

TIMEOUT_S: Final = 3.0
"""For each step: connecting, and being answered."""

Outcome = Literal[
    "taken", "refused", "unknown host", "silent", "untrusted", "no tls", "tls", "speaks http", "speaks grpc",
    "unauthorized", "not otlp", "busy", "failed",
]  # fmt: skip
Protocol = Literal["grpc", "http/protobuf"]
_EMPTY: Final = re.compile(rb"\s*(\{\s*(\"partialSuccess\"\s*:\s*(\{\s*\}|null)\s*)?\}\s*)?")
_BUSY: Final = (429, 502, 503, 504)
_STATUSES: Final[Mapping[str, Outcome]] = {
    "UNAUTHENTICATED": "unauthorized",
    "PERMISSION_DENIED": "unauthorized",
    "UNIMPLEMENTED": "not otlp",
    "NOT_FOUND": "not otlp",
    "DEADLINE_EXCEEDED": "silent",
    "RESOURCE_EXHAUSTED": "busy",
    "ABORTED": "busy",
}
_METHODS: Final = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where an exporter sends one signal."""

    signal: Literal["traces", "metrics"]
    protocol: Protocol
    url: str
    """With a scheme; over HTTP with the signal's path."""
    secure: bool
    headers: Mapping[str, str] = field(default_factory=dict)
    certificate: str | None = None
    """A file with the authorities to trust; None for those that the system trusts."""
    client: tuple[str, str] | None = None
    """Files of this side's certificate and its key."""
    file: str | None = None
    """The configuration file that says so; None for the environment."""

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if self.secure or self.protocol == "grpc" else 80)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an export."""

    outcome: Outcome
    detail: str = ""


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Follow nothing, as the exporters do not: an export would become a GET."""


def probe(target: Target) -> Answer:
    """Export nothing to a target, and return what came of it. Takes some ten seconds at the very most."""
    try:
        if not by_proxy(target):
            hindrance = _connect(target)
            if hindrance is not None:
                return hindrance
        return _over_grpc(target) if target.protocol == "grpc" else _over_http(target)
    except (OSError, ValueError) as error:  # a certificate's file that is missing, a port that is no number
        return Answer("failed", str(error))


def by_proxy(target: Target) -> bool:
    """Tell whether the way there is a proxy's, so that nothing can be said of the host itself."""
    return bool(getproxies().get(urlsplit(target.url).scheme)) and not proxy_bypass(target.address[0])


def _tls(target: Target) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=target.certificate)
    if target.client is not None:
        context.load_cert_chain(*target.client)
    return context


def _connect(target: Target) -> Answer | None:
    """Connect, with TLS where it is asked for; return what hinders it, None when nothing does."""
    host, _ = target.address
    context = _tls(target) if target.secure else None
    try:
        with socket.create_connection(target.address, TIMEOUT_S) as plain:
            if context is not None:
                context.set_alpn_protocols(["h2"] if target.protocol == "grpc" else ["http/1.1"])
                context.wrap_socket(plain, server_hostname=host).close()
    except socket.gaierror:
        return Answer("unknown host", host)
    except ConnectionRefusedError:
        return Answer("refused")
    except ssl.SSLCertVerificationError as error:
        return Answer("untrusted", error.verify_message)
    except (ssl.SSLError, ConnectionResetError) as error:
        return Answer("no tls", getattr(error, "reason", None) or "connection reset")
    except TimeoutError:
        return Answer("silent")
    return None


def _over_http(target: Target) -> Answer:
    opener = build_opener(_NoRedirects, HTTPSHandler(context=_tls(target)))
    headers = {"Content-Type": "application/x-protobuf", **target.headers}
    try:
        with opener.open(Request(target.url, b"", headers, method="POST"), timeout=TIMEOUT_S) as response:  # noqa: S310
            kind = response.headers.get("Content-Type", "application/x-protobuf").partition(";")[0]
            # The specification wants the request's own type; some answer in JSON, and then with nothing but this in it.
            otlp = kind == "application/x-protobuf" or _EMPTY.fullmatch(response.read(4096)) is not None
            return Answer("taken") if otlp else Answer("not otlp", f"it answers with {kind}")
    except HTTPError as error:
        said = f"{error.code} {error.reason}".strip()
        outcome: Outcome = "busy" if error.code in _BUSY else "not otlp"
        if error.code in (401, 403, 407):
            outcome = "unauthorized"
        elif 300 <= error.code < 400:
            said += f", to {error.headers.get('Location')}"
        return Answer(outcome, said)
    except TimeoutError:
        return Answer("silent")
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        return Answer("silent") if isinstance(reason, TimeoutError) else _spoken(target, str(reason))


def _over_grpc(target: Target) -> Answer:
    try:
        import grpc  # type: ignore[import-untyped] # noqa: PLC0415 - comes with the exporter, which may be missing
    except ModuleNotFoundError:
        return Answer("failed", "grpcio is not installed")
    address = urlsplit(target.url).netloc.rpartition("@")[2]
    if target.secure:
        files = (target.certificate, *reversed(target.client or (None, None)))
        credentials = [None if name is None else Path(name).read_bytes() for name in files]
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(*credentials))
    else:
        channel = grpc.insecure_channel(address)
    with channel:
        try:
            channel.unary_unary(_METHODS[target.signal])(b"", timeout=TIMEOUT_S, metadata=tuple(target.headers.items()))
        except grpc.RpcError as error:
            code = error.code().name
            outcome = _STATUSES.get(code)
            return _spoken(target, f"{code}: {error.details()}") if outcome is None else Answer(outcome, code)
    return Answer("taken")


def _spoken(target: Target, failure: str) -> Answer:
    """Return what a port that is not understood does speak, of what an HTTP/1.1 request is answered with."""
    said = b""
    if not target.secure:
        with suppress(OSError), socket.create_connection(target.address, TIMEOUT_S) as plain:
            plain.sendall(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            said = plain.recv(256)
        if (not said.startswith(b"HTTP/1") or b"HTTPS server" in said) and _speaks_tls(target):  # Go says the latter
            return Answer("tls")
    if said.startswith(b"HTTP/1") and target.protocol == "grpc":
        return Answer("speaks http", failure)
    if said[3:4] == b"\x04" and target.protocol != "grpc":  # SETTINGS, an HTTP/2 server's first frame (RFC 9113 §3.4)
        return Answer("speaks grpc", failure)
    return Answer("failed", failure)


def _speaks_tls(target: Target) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent, so nobody need be trusted
    try:
        with socket.create_connection(target.address, TIMEOUT_S) as plain:
            context.wrap_socket(plain).close()
    except OSError:
        return False
    return True
