"""What happens at the beginning and at the end of an MCP transport, for the sake of the process around it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Final

from groundhog_otel.mcp.flush import Flush
from groundhog_otel.mcp.guard import guarded_error
from groundhog_otel.mcp.patching import Hook
from groundhog_otel.mcp.providers import providers
from groundhog_otel.mcp.sigterm import Sigterm
from groundhog_otel.mcp.stdout import keep_stdout_clean
from groundhog_otel.settings import McpSettings, forwarded_environment

__all__ = ("Life",)

_OTHER_TRANSPORTS: Final = (
    ("mcp.client.stdio", "stdio_client"),
    ("mcp.client.sse", "sse_client"),
    ("mcp.client.streamable_http", "StreamableHTTPTransport.post_writer"),
    ("mcp.server.sse", "SseServerTransport.connect_sse"),
)


class Life:
    """The process's side of one instrumentation.

    Args:
        settings: Says which of it is wanted.
        tracer_provider: The one that was given to the instrumentation, if any; else the global one counts.
        meter_provider: The same.
        given_up: Called when telemetry is dropped so that the process can end.
    """

    def __init__(
        self, settings: McpSettings, *, tracer_provider: Any, meter_provider: Any, given_up: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._providers = partial(providers, tracer_provider, meter_provider)
        self._flush = Flush(self._providers, settings.exit_timeout_s, given_up)
        self._sigterm = Sigterm(self._flush)

    def hooks(self) -> tuple[Hook, ...]:
        """Return the hooks on whatever begins or ends a transport, in mcp 1.x and 2.x alike."""
        # After a stdio server Python itself ends; an HTTP server, once it has shut down, kills itself by SIGTERM again.
        stdio = partial(_around, self._stdio_server_begins, self._flush.flush_finished)
        http = partial(_around, self._flush.begin, self._flush.flush)
        forwarding = Hook("mcp.client.stdio", "get_default_environment", _forwarding)
        return (
            Hook("mcp.server.stdio", "stdio_server", stdio),
            Hook("mcp.server.streamable_http_manager", "StreamableHTTPSessionManager.run", http),
            *(Hook(module, path, self._beginning, optional=True) for module, path in _OTHER_TRANSPORTS),
            *((forwarding,) if self._settings.forward_environment else ()),
        )

    def close(self) -> None:
        """Leave the end of the process to others."""
        self._sigterm.remove()
        self._flush.close()

    def _stdio_server_begins(self) -> None:
        self._flush.begin()
        keep_stdout_clean(self._providers())
        if self._settings.flush_on_sigterm:
            self._sigterm.install()

    def _beginning(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def transport(*args: Any, **kwargs: Any) -> Any:
            _guarded(self._flush.begin)
            return original(*args, **kwargs)

        return transport


class _Around:
    """An asynchronous context manager, with something before its beginning and something after its end."""

    def __init__(self, manager: Any, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._manager = manager
        self._begin = begin
        self._end = end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    async def __aenter__(self) -> Any:
        _guarded(self._begin)
        return await self._manager.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> Any:
        try:
            return await self._manager.__aexit__(kind, exc, traceback)
        finally:
            _guarded(self._end)


def _around(begin: Callable[[], None], end: Callable[[], None], original: Callable[..., Any]) -> Callable[..., Any]:
    def transport(*args: Any, **kwargs: Any) -> Any:
        return _Around(original(*args, **kwargs), begin, end)

    return transport


def _guarded(step: Callable[[], None]) -> None:
    try:
        step()
    except Exception:
        guarded_error("transport")


def _forwarding(original: Callable[..., Any]) -> Callable[..., Any]:
    def get_default_environment() -> dict[str, str]:
        return {**forwarded_environment(), **original()}

    return get_default_environment
