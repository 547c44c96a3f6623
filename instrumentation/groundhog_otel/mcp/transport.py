"""Which wire a message travels on: what of it the conventions want on spans and on metrics.

The SDKs hand sessions a pair of anonymous streams, whatever the transport. The functions that make those streams are
hooked, and leave a :class:`Tag` on the channel that both ends of a stream share; a session finds it there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry.context import Context

from groundhog_otel import semconv

__all__ = (
    "FIRST_SESSIONLESS",
    "IN_MEMORY",
    "STDIO",
    "Peer",
    "Tag",
    "Transport",
    "at_receiver",
    "client_address",
    "http_client",
    "http_server",
    "peer_of",
    "same_channel",
    "tag_stream",
    "tag_streams",
    "tagged",
)

AttributeValue = str | int


class Transport:
    """A wire, described by low-cardinality values only: they are metric attributes.

    Compared by identity, which makes it a cheap cache key: get instances from the constants and functions below.
    """

    __slots__ = ("network_transport", "protocol_name", "protocol_version", "server_address", "server_port")

    def __init__(
        self,
        network_transport: str | None = None,
        protocol_name: str | None = None,
        protocol_version: str | None = None,
        server_address: str | None = None,
        server_port: int | None = None,
    ) -> None:
        self.network_transport = network_transport
        self.protocol_name = protocol_name
        self.protocol_version = protocol_version
        self.server_address = server_address
        self.server_port = server_port

    def attributes(self, mcp_version: str | None) -> dict[str, AttributeValue]:
        """Return the attributes of this wire, for spans and metrics alike."""
        pairs = (
            (semconv.MCP_PROTOCOL_VERSION, mcp_version),
            (semconv.NETWORK_TRANSPORT, self.network_transport),
            (semconv.NETWORK_PROTOCOL_NAME, self.protocol_name),
            (semconv.NETWORK_PROTOCOL_VERSION, self.protocol_version),
            (semconv.SERVER_ADDRESS, self.server_address),
            (semconv.SERVER_PORT, self.server_port),
        )
        return {key: value for key, value in pairs if value is not None}


IN_MEMORY: Final = Transport()
"""Both peers in one process: no network, so no ``network.*`` attribute."""
STDIO: Final = Transport("pipe")
FIRST_SESSIONLESS: Final = "2026-07-28"
"""The first protocol version without handshake and sessions."""
_LOOKS: Final = 8
_PEER: Final = "_groundhog_peer"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@lru_cache(maxsize=256)
def http_client(url: str, version: str | None = None) -> Transport:
    """Return the wire of a client that talks to ``url`` over HTTP ``version``, which the first response tells."""
    parts = urlsplit(url)
    return Transport("tcp", "http", version, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme))


@lru_cache(maxsize=16)
def http_server(version: str | None) -> Transport:
    """Return the wire of a server that is reached over HTTP ``version`` (``1.1``, ``2``)."""
    return Transport("tcp", "http", version)


def at_receiver(transport: Transport) -> Transport:
    """Return the wire as the receiver of a message reports it: a server's address is for who sends to the server."""
    return transport if transport.server_address is None else http_server(transport.protocol_version)


class Tag:
    """What is known about a channel: its wire, and how to ask for its session id."""

    __slots__ = ("session_id", "transport")

    def __init__(self, transport: Transport, session_id: Callable[[], str | None] | None = None) -> None:
        self.transport = transport
        self.session_id = session_id

    def learn_http_version(self, url: str, response: Any) -> None:
        """Take note of the version that the first response came in (``HTTP/1.1``, as httpx reports it)."""
        if self.transport.protocol_version is None:
            _, _, version = str(response.http_version).partition("/")
            self.transport = http_client(url, version or None)


class Peer:
    """What is known about the other end of one connection; grows as the connection gets going."""

    __slots__ = ("handshake", "looks", "opened", "protocol_version", "tag")

    def __init__(
        self, tag: Tag | None = None, protocol_version: str | None = None, opened: float | None = None
    ) -> None:
        self.tag = tag
        self.protocol_version = protocol_version
        self.looks = 0
        """How often no tag was found. A transport's tasks may start after the session, but not many messages after."""
        self.opened = opened
        """When the session began, by ``time.perf_counter``; None while it has not, or if it began before us."""
        self.handshake: Context | None = None
        """Names the span of the session's ``initialize``, which is the one that stands for the session."""

    @property
    def transport(self) -> Transport:
        """The wire; in-memory until something better is known."""
        return self.tag.transport if self.tag is not None else IN_MEMORY

    def wire(self) -> tuple[Transport, str | None]:
        """Return :attr:`transport` and :attr:`session_id` by one call: every message needs both."""
        tag = self.tag
        if tag is None:
            return IN_MEMORY, None
        return tag.transport, None if tag.session_id is None else tag.session_id()

    @property
    def in_session(self) -> bool:
        """Whether messages belong to a session: a handshake has been made, and kept where the wire needs an id.

        There is none from protocol 2026-07-28 on, nor with a stateless HTTP server.
        """
        version = self.protocol_version
        if version is None or version >= FIRST_SESSIONLESS:
            return False
        return self.transport.protocol_name != "http" or self.session_id is not None

    @property
    def session_id(self) -> str | None:
        """The ``Mcp-Session-Id``, where the transport has sessions and has been given one."""
        if self.tag is None or self.tag.session_id is None:
            return None
        return self.tag.session_id()


def peer_of(owner: Any) -> Peer:
    """Return what is known of the connection of a session or dispatcher; kept on that object, so it ends with it.

    ``owner`` is whatever holds the SDK's ``_read_stream`` and ``_write_stream``; one without them is in-memory.
    """
    try:
        known: dict[str, Any] = owner.__dict__
    except AttributeError:
        return Peer()
    if _PEER in known:
        peer: Peer = known[_PEER]
    else:
        peer = known[_PEER] = Peer()
    if peer.tag is None and peer.looks < _LOOKS:
        peer.looks += 1
        peer.tag = tagged(known.get("_read_stream"), known.get("_write_stream"))
    return peer


def client_address(scope: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """Return the client's address as an ASGI server reports it: for spans only, a stranger chooses it."""
    client = scope.get("client")
    if not client or not client[0]:  # ASGI has none for a Unix socket
        return {}
    address, port = client
    return {semconv.CLIENT_ADDRESS: address, **({semconv.CLIENT_PORT: port} if port else {})}


def _channel(stream: Any) -> Any:
    """Return the state that both ends of an anyio memory stream share (mcp 2.x wraps the stream once more)."""
    inner = getattr(stream, "_inner", stream)
    return getattr(inner, "_state", inner)


def tag_stream(stream: Any, tag: Tag) -> None:
    """Leave ``tag`` on the channel of ``stream``."""
    _channel(stream)._groundhog_tag = tag


def tag_streams(streams: Any, tag: Tag) -> None:
    """Leave ``tag`` on the first two of what a transport's context manager yields: read stream, write stream."""
    for stream in tuple(streams)[:2]:
        tag_stream(stream, tag)


def same_channel(one: Any, other: Any) -> bool:
    """Tell whether two streams are ends of one channel."""
    return _channel(one) is _channel(other)


def tagged(*streams: Any) -> Tag | None:
    """Return the tag of the first of ``streams`` that has one."""
    for stream in streams:
        tag: Tag | None = getattr(_channel(stream), "_groundhog_tag", None)
        if tag is not None:
            return tag
    return None
