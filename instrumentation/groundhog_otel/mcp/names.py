"""Names that a stranger may invent, kept from becoming metric attributes without bound.

Whoever can reach a server can call methods and tools that do not exist, under any name. On a span a name is one
string; on a metric it is a time series for ever. So a metric carries a name only once the peer that serves it has
vouched for it: by listing it, or by answering it without an error. Until then the attribute reads ``_OTHER``, the
conventions' own fallback.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

__all__ = ("METHODS", "OTHER", "KnownNames")

OTHER: Final = "_OTHER"

METHODS: Final = (
    "initialize", "ping", "tools/list", "tools/call", "prompts/list", "prompts/get", "resources/list",
    "resources/templates/list", "resources/read", "resources/subscribe", "resources/unsubscribe", "completion/complete",
    "logging/setLevel", "sampling/createMessage", "elicitation/create", "roots/list", "server/discover",
    "subscriptions/listen", "tasks/get", "tasks/list", "tasks/cancel", "tasks/result",
    "notifications/initialized", "notifications/cancelled", "notifications/progress", "notifications/message",
    "notifications/roots/list_changed", "notifications/tools/list_changed", "notifications/prompts/list_changed",
    "notifications/resources/list_changed", "notifications/resources/updated", "notifications/tasks/status",
    "notifications/elicitation/complete", "notifications/subscriptions/acknowledged",
)  # fmt: skip
"""Every method of the protocol's versions 2024-11-05 to 2026-07-28."""


class KnownNames(set[str]):
    """A set of names that only grows, up to a bound: by :meth:`learn`, not by ``add``."""

    __slots__ = ("_limit",)

    def __init__(self, names: Iterable[str] = (), *, limit: int = 2000) -> None:
        super().__init__(names)
        self._limit = limit

    def learn(self, name: str) -> None:
        """Remember a name that the serving peer has vouched for, while there is room."""
        if len(self) < self._limit:
            self.add(name)

    def learn_listed(self, items: Any) -> None:
        """Remember the names of listed tools or prompts: an iterable of mappings or of models that have a ``name``."""
        for item in items or ():
            name = item.get("name") if isinstance(item, dict) else getattr(item, "name", None)
            if isinstance(name, str):
                self.learn(name)
