"""Other instrumentations of MCP in the same process: one span per side and message all the same.

With ``native_spans="replace"`` ours makes it. Another one that is at work is taken out of ``mcp``, one that is started
later is not let in, and one warning says so. With ``"keep"`` theirs stays, and ours stands back, to metrics only, at
the side where theirs makes spans.

Read in opentelemetry-instrumentation-mcp 0.62 (Traceloop), aws-opentelemetry-distro 0.21 and logfire 5.2.
openinference-instrumentation-mcp makes no spans, only propagates context: it is left alone.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, Final, NamedTuple

import wrapt
from opentelemetry.trace import SpanKind

from groundhog_otel.environment_variables import OTEL_PYTHON_MCP_NATIVE_SPANS
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.patching import Hook
from groundhog_otel.mcp.telemetry import CLIENT, SERVER, Telemetry

__all__ = ("hooks", "retire")

logger = logging.getLogger("groundhog_otel.mcp")

_SEND: Final = ("mcp.shared.session", "BaseSession.send_request")
_NOTIFY: Final = ("mcp.shared.session", "BaseSession.send_notification")
_HANDLE: Final = ("mcp.server.lowlevel.server", "Server._handle_request")


class _Peer(NamedTuple):
    title: str
    package: str
    """Where its code lives, and so what a wrapper of its own is known by."""
    module: str
    start: str
    """What starts it, below the module."""
    makes: tuple[tuple[SpanKind, bool], ...]
    """Of which messages it makes spans: by side, and whether they are notifications."""
    wraps: tuple[tuple[str, str], ...]
    """What it puts wrappers around, and does not itself take all of them off again."""


_PEERS: Final = (
    _Peer(
        title="opentelemetry-instrumentation-mcp",
        package="opentelemetry.instrumentation.mcp",
        module="opentelemetry.instrumentation.mcp.instrumentation",
        start="McpInstrumentor._instrument",
        makes=((CLIENT, False),),
        wraps=(
            _SEND,
            ("mcp.client.sse", "sse_client"),
            ("mcp.client.stdio", "stdio_client"),
            ("mcp.client.streamable_http", "streamablehttp_client"),
            ("mcp.server.session", "ServerSession.__init__"),
            ("mcp.server.sse", "SseServerTransport.connect_sse"),
            ("mcp.server.stdio", "stdio_server"),
            ("mcp.server.streamable_http", "StreamableHTTPServerTransport.connect"),
            ("fastmcp", "FastMCP.__init__"),
            ("fastmcp.client", "Client.__aenter__"),
            ("fastmcp.client", "Client.__aexit__"),
            ("fastmcp.tools.tool_manager", "ToolManager.call_tool"),
        ),
    ),
    _Peer(
        title="aws-opentelemetry-distro",
        package="amazon.opentelemetry.distro.instrumentation.mcp",
        module="amazon.opentelemetry.distro.instrumentation.mcp",
        start="McpInstrumentor._instrument",
        makes=((CLIENT, False), (CLIENT, True), (SERVER, False), (SERVER, True)),
        wraps=(
            _SEND,
            _NOTIFY,
            _HANDLE,
            ("mcp.server.lowlevel.server", "Server._handle_notification"),
            ("mcp.client.sse", "sse_client"),
            ("mcp.client.stdio", "stdio_client"),
            ("mcp.client.streamable_http", "streamablehttp_client"),
            ("mcp.client.streamable_http", "streamable_http_client"),
            ("mcp.client.streamable_http", "StreamableHTTPTransport._maybe_extract_session_id_from_response"),
            ("mcp.client.streamable_http", "StreamableHTTPTransport._handle_post_request"),
            ("mcp.client.streamable_http", "StreamableHTTPTransport._prepare_headers"),
            ("mcp.server.fastmcp.server", "FastMCP.streamable_http_app"),
            ("mcp.server.fastmcp.server", "FastMCP.sse_app"),
        ),
    ),
    _Peer(
        title="logfire.instrument_mcp()",
        package="logfire._internal.integrations.mcp",
        module="logfire._internal.integrations.mcp",
        start="instrument_mcp",
        makes=((CLIENT, False), (SERVER, False)),
        wraps=(
            _SEND,
            _NOTIFY,
            _HANDLE,
            ("mcp.client.session", "ClientSession._received_notification"),
            ("mcp.client.session", "ClientSession._received_request"),
        ),
    ),
)


def hooks(telemetry: Telemetry) -> tuple[Hook, ...]:
    """Return what stands in for the functions that start the others."""
    stand_in = _not_started if telemetry.settings.native_spans == "replace" else partial(_started, telemetry)
    return tuple(Hook(peer.module, peer.start, partial(stand_in, peer), optional=True) for peer in _PEERS)


def retire(telemetry: Telemetry) -> None:
    """Deal with those that were started before us. Called before anything of ``mcp`` is patched."""
    for peer in _PEERS:
        if peer.module not in sys.modules or not _at_work(peer):
            continue
        if telemetry.settings.native_spans == "keep":
            telemetry.stands_back.update(peer.makes)
            continue
        _say(peer)
        for name in dict.fromkeys(module for module, _ in peer.wraps):
            # Its wrappers go on as modules are imported, and ours come off them as they do: hooks run in order.
            wrapt.register_post_import_hook(partial(_unwrap, peer), name)


def _not_started(peer: _Peer, _original: Callable[..., Any]) -> Callable[..., Any]:
    def start(*_args: Any, **_kwargs: Any) -> None:
        _say(peer)

    return start


def _started(telemetry: Telemetry, peer: _Peer, original: Callable[..., Any]) -> Callable[..., Any]:
    def start(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        telemetry.stands_back.update(peer.makes)
        return result

    return start


def _say(peer: _Peer) -> None:
    logger.warning(
        "MCP is instrumented by groundhog_mcp, so %s is not used for it: one of them is enough. To use only the other, "
        "set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=groundhog_mcp; for its spans and our metrics, set %s=keep.",
        peer.title,
        OTEL_PYTHON_MCP_NATIVE_SPANS,
    )


def _at_work(peer: _Peer) -> bool:
    return any(
        _made_by(peer, _found(sys.modules[module], path)[2]) for module, path in peer.wraps if module in sys.modules
    ) or _says_it_is(peer)


def _says_it_is(peer: _Peer) -> bool:
    owner: Any = getattr(sys.modules[peer.module], peer.start.partition(".")[0], None)
    return bool(getattr(getattr(owner, "_instance", None), "_is_instrumented_by_opentelemetry", False))


def _unwrap(peer: _Peer, module: ModuleType) -> None:
    try:
        for path in [path for name, path in peer.wraps if name == module.__name__]:
            owner, attribute, value = _found(module, path)
            inner = value
            while _made_by(peer, inner):
                inner = inner.__wrapped__
            if inner is not value:
                setattr(owner, attribute, inner)
    except Exception:
        guarded_error("peers")  # we are inside somebody's import statement


def _found(module: ModuleType, path: str) -> tuple[Any, str, Any]:
    """Return what has the attribute, the attribute's name, and the attribute; None for one that is not there."""
    *parents, name = path.split(".")
    owner: Any = module
    for parent in parents:
        owner = getattr(owner, parent, None)
    return owner, name, getattr(owner, "__dict__", {}).get(name)


def _made_by(peer: _Peer, value: Any) -> bool:
    """Tell whether a function is a wrapper of that instrumentation's."""
    if not hasattr(value, "__wrapped__"):
        return False
    wrapper = value._self_wrapper if isinstance(value, wrapt.FunctionWrapper) else value
    # functools.wraps copies __module__ from what is wrapped; a decorator's globals are its own module's.
    modules = getattr(wrapper, "__module__", None), getattr(wrapper, "__globals__", {}).get("__name__")
    return any(isinstance(name, str) and name.startswith(peer.package) for name in modules)
