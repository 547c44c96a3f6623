"""Lists that say for how long they hold: clients of protocol 2026-07-28 then ask less often."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar, Final

from groundhog_otel.mcp.patching import Hook, Patches
from groundhog_otel.optimizer.actions.action import Action, Measure, Refused, Risk, number, text

__all__ = ("CacheHints",)

_LISTS: Final = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")


class CacheHints(Action):
    """Gives lists a ``ttlMs`` where neither the handler nor the server has one: SEP-2549, with the SDK's own means.

    ``method`` is the one request whose answers hold, such as ``resources/read``; by default all lists.

    The scope stays ``private``: whether all callers see the same list, only its author knows.
    """

    name = "cache_hints"
    does = "answers say for how long they hold"
    risk: ClassVar[Risk] = "medium"
    promises: ClassVar[tuple[Measure, ...]] = ("cpu",)
    options: ClassVar = {"ttl_s": number, "method": text}
    unproven: ClassVar[str | None] = (
        "its gain is requests that clients do not make, and a load test makes all of its own: compare the number of"
        " lists before and after, with your clients"
    )

    ttl_s: float = 300.0
    method: str | None = None

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._patches = Patches((Hook("mcp.server.runner", "ServerRunner._serialize", self._around),))
        self._before: list[tuple[Any, dict[str, Any] | None]] = []

    def precondition(self) -> str | None:
        """Return why not, if so."""
        try:
            installed = version("mcp")
        except PackageNotFoundError:
            return "mcp is not installed"
        if int(installed.partition(".")[0]) < 2:
            return f"mcp {installed} speaks no protocol in which lists say how long they hold: pip install 'mcp>=2'"
        return None

    def apply(self) -> None:
        """Arrange for it."""
        why = self.precondition()
        if why is not None:
            raise Refused(why)
        self._patches.install()

    def revert(self) -> None:
        """Give each server the hints that it had: the very same dictionary."""
        self._patches.remove()
        before, self._before = self._before, []
        for server, hints in before:
            if hints is not None:
                server.cache_hints = hints

    def _around(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def serialize(runner: Any, *args: Any, **kwargs: Any) -> Any:
            self._look(runner.server)
            return original(runner, *args, **kwargs)

        return serialize

    def _look(self, server: Any) -> None:
        if any(server is known for known, _ in self._before):
            return
        hints = getattr(server, "cache_hints", None)
        self._before.append((server, hints))
        if hints is None:
            self.told("refused", "this release of mcp keeps its hints elsewhere: pip install -U groundhog-otel")
            return
        caching: Any = import_module("mcp.server.caching")
        methods = _LISTS if self.method is None else (self.method,)
        if not set(methods) <= set(caching.CACHEABLE_METHODS):
            self.told(
                "refused", f"answers to {self.method} cannot hold: {', '.join(sorted(caching.CACHEABLE_METHODS))}"
            )
            return
        new = [method for method in methods if method not in hints]
        if not new:
            self.told("refused", f"the server says itself how long answers to {', '.join(methods)} hold")
            return
        hint = caching.CacheHint(ttl_ms=round(self.ttl_s * 1000))
        server.cache_hints = {**dict.fromkeys(new, hint), **hints}
        self.told("applied", f"answers hold for {self.ttl_s:g} s: {', '.join(new)}")
