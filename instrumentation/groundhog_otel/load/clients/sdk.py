"""The official client of whichever ``mcp`` is installed, 1.10 to 2.x: found by its features."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final, Literal

from groundhog_otel.load.clients.exchanges import Exchanges, Incoming, Outgoing
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.session import ServerFacts

__all__ = ("CONNECT_S", "MODERN", "Connected", "Protocol", "connected", "require", "types")

MODERN: Final = "2026-07-28"
Protocol = Literal["auto", "handshake", "2026-07-28"]
"""``handshake`` begins with ``initialize``; 2026-07-28, of mcp 2.x, has no sessions; ``auto`` asks the server."""
CONNECT_S: Final = 30.0
"""How long a server has for its start and the handshake, unless told otherwise."""

_CLASSES: Final = {
    "tools/call": ("CallToolRequest", "CallToolResult"),
    "tools/list": ("ListToolsRequest", "ListToolsResult"),
    "prompts/get": ("GetPromptRequest", "GetPromptResult"),
    "prompts/list": ("ListPromptsRequest", "ListPromptsResult"),
    "resources/read": ("ReadResourceRequest", "ReadResourceResult"),
    "resources/list": ("ListResourcesRequest", "ListResourcesResult"),
    "resources/templates/list": ("ListResourceTemplatesRequest", "ListResourceTemplatesResult"),
    "completion/complete": ("CompleteRequest", "CompleteResult"),
    "ping": ("PingRequest", "EmptyResult"),
}


@cache
def types() -> Any:
    """Return the module of the protocol's models."""
    # mcp_types may still be there after a downgrade to mcp 1.
    return import_module("mcp.types" if _client_class() is None else "mcp_types")


@cache
def _client_class() -> Any:
    """Return the class that negotiates the protocol as well; None before mcp 2."""
    return getattr(import_module("mcp.client"), "Client", None)


def require(protocol: Protocol) -> None:
    """Raise unless the installed ``mcp`` speaks ``protocol``.

    Raises:
        LoadError: it does not.
    """
    if protocol == MODERN and _client_class() is None:
        raise LoadError(f"mcp {version('mcp')} is installed, which does not speak {MODERN}: pip install 'mcp>=2'")


@dataclass(frozen=True, slots=True)
class Connected:
    """A client that has shaken hands."""

    session: Any
    """A ``mcp.ClientSession``."""
    facts: ServerFacts
    stateless: bool
    """Whether the protocol is 2026-07-28."""

    async def send(self, method: str, params: Mapping[str, Any]) -> Any:
        """Send a request as the SDK does, and return the result: JSON, or the SDK's model of it.

        Raises:
            Exception: whatever the SDK raises.
        """
        request, result = _models(method)
        return await self.session.send_request(request({"method": method, "params": params}), result)


@cache
def _models(method: str) -> tuple[Any, Any]:
    """Return what makes a request of its parameters, and what the SDK is to make of the result."""
    names = _CLASSES[method]
    model: Any = getattr(types(), names[0])
    if _client_class() is not None:
        # The SDK holds each result against the schema of the negotiated version by itself.
        return model.model_validate, import_module("pydantic").TypeAdapter(dict[str, Any])
    union: Any = types().ClientRequest
    return (lambda message: union.model_construct(model.model_validate(message))), getattr(types(), names[1])


@asynccontextmanager
async def connected(
    transport: AbstractAsyncContextManager[Any], exchanges: Exchanges, *, protocol: Protocol, kind: str
) -> AsyncIterator[Connected]:
    """Connect over a transport, whose messages go through ``exchanges``, and shake hands.

    Raises:
        LoadError: the server does not speak ``protocol``.
        Exception: whatever the SDK and the transport raise.
    """
    about = {"name": "groundhog-load", "version": version("groundhog-otel")}
    information = types().Implementation(**about)
    client_class = _client_class()
    if client_class is None:
        session_class: Any = import_module("mcp").ClientSession
        async with (
            _wrapped(transport, exchanges) as streams,
            session_class(*streams, client_info=information) as session,
        ):
            found = await session.initialize()
            server = found.serverInfo
            facts = ServerFacts(server.name, server.version, str(found.protocolVersion), kind)
            yield Connected(session, facts, stateless=False)
        return
    mode = "legacy" if protocol == "handshake" else "auto"
    async with client_class(_wrapped(transport, exchanges), mode=mode, cache=None, client_info=information) as client:
        server = client.server_info
        facts = ServerFacts(
            server.name if server else "", server.version if server else "", str(client.protocol_version), kind
        )
        stateless = client.session.discover_result is not None
        if protocol == MODERN and not stateless:
            raise LoadError(
                f"The server speaks {facts.protocol_version}, and not {MODERN}: leave the protocol to be chosen (auto)"
            )
        yield Connected(client.session, facts, stateless)


@asynccontextmanager
async def _wrapped(transport: AbstractAsyncContextManager[Any], exchanges: Exchanges) -> AsyncIterator[tuple[Any, Any]]:
    async with transport as streams:
        yield Incoming(streams[0], exchanges), Outgoing(streams[1], exchanges)
