"""Which attributes a file may show that is handed around: those that cannot hold what was in a message."""

from __future__ import annotations

import re
from typing import Final

from groundhog_otel.store.model import Value

__all__ = ("WITHHELD", "may_be_shown", "shown_value")

WITHHELD: Final = "(text, left out)"
"""Stands for a text that may be content."""

_LONGEST: Final = 2_000
_SHOWN: Final = re.compile(
    r"""
      mcp\.(?:method\.name|protocol\.version|session\.id|resource\.uri)
    | jsonrpc\..+ | rpc\.(?:system|service|method|response\.status_code|grpc\.status_code)(?:\.name)?
    | gen_ai\.(?:operation\.name|tool\.(?:name|type|call\.id)|prompt\.name|system|provider\.name)
    | gen_ai\.(?:request|response)\.model
    | network\..+ | server\.(?:address|port) | client\.(?:address|port) | error\.type | exception\.type
    | http\.(?:method|request\.method|route|status_code|scheme|flavor) | url\.scheme
    | db\.(?:system|operation|name|namespace)(?:\.name)? | db\.collection\.name
    | messaging\.(?:system|operation)(?:\..+)?
    | code\..+ | thread\..+ | process\..+ | cpython\..+ | otel\.(?:scope|library)\..+ | groundhog\..+
    """,
    re.VERBOSE,
)
"""Names whose texts are identifiers or one of few words, by the semantic conventions or by our own."""
_NEVER: Final = re.compile(r"process\.(?:command|executable|owner|environment).*|code\.stacktrace")
"""Of those, what may hold a password, or the message of an error."""


def may_be_shown(name: str, value: Value) -> bool:
    """Tell whether a value can be no content: a number, a truth, or a text under a name that is known for that."""
    if value is None or isinstance(value, bool | int | float):
        return True
    return _SHOWN.fullmatch(name) is not None and _NEVER.fullmatch(name) is None


def shown_value(name: str, value: Value, *, content: bool) -> str | int | float | bool | None:
    """Return what to show of an attribute's value; texts that may be content only with ``content``."""
    if not content and not may_be_shown(name, value):
        return WITHHELD
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return f"{value[:_LONGEST]}…" if isinstance(value, str) and len(value) > _LONGEST else value
