"""How large a request and its answer are, whether the same is asked again, and how long the answer stays good.

Nothing here tells what is in a payload. The digest is keyed with a secret that this process makes up, keeps to itself
and forgets with its end: nobody can try out which parameters give it, and it means nothing beside another process's.
"""

from __future__ import annotations

import json
import os
import sys
from hashlib import blake2b
from typing import Any, Final

from groundhog_otel import semconv
from groundhog_otel.mcp.fields import field, is_mapping
from groundhog_otel.mcp.guard import guarded_error

__all__ = ("Detail",)

_DIGEST_BYTES: Final = 8
"""Two of a million different requests have the same digest with a chance of 1 in 37 million."""
_COMPACT: Final = (",", ":")


class Detail:
    """Turns payloads into attributes. Both methods may leave any of them out, and never raise."""

    def __init__(self) -> None:
        self._key = os.urandom(32)

    def asked(self, attributes: dict[str, Any], params: Any) -> None:
        """Add what there is to tell of a request's parameters: a mapping (mcp 2.x), a model (1.x), or None."""
        try:
            data = _canonical(params)
            attributes[semconv.REQUEST_SIZE] = len(data)
            attributes[semconv.REQUEST_DIGEST] = blake2b(data, key=self._key, digest_size=_DIGEST_BYTES).hexdigest()
        except Exception:
            guarded_error("detail of a request", tell=False)

    def answered(self, attributes: dict[str, Any], answer: Any) -> None:
        """Add what there is to tell of a result: a mapping (mcp 2.x) or a model (1.x)."""
        try:
            attributes[semconv.RESPONSE_SIZE] = _size(answer)
            ttl_ms = field(answer, "ttlMs", "ttl_ms")
            if isinstance(ttl_ms, int | float) and not isinstance(ttl_ms, bool):
                attributes[semconv.RESULT_TTL] = max(0.0, ttl_ms / 1000)
        except Exception:
            guarded_error("detail of a result", tell=False)


def _canonical(params: Any) -> bytes:
    """Return the parameters as JSON, the same for equal ones, without ``_meta``: each message has its own."""
    dump = getattr(params, "model_dump", None)
    wire = params if dump is None else dump(mode="json", by_alias=True, exclude_none=True)
    if wire is None:
        wire = {}
    elif is_mapping(wire) and "_meta" in wire:
        wire = {key: value for key, value in wire.items() if key != "_meta"}
    text = json.dumps(wire, ensure_ascii=False, sort_keys=True, separators=_COMPACT, default=_plain)
    return text.encode("utf-8", "surrogatepass")


def _size(answer: Any) -> int:
    """Return how many bytes a result takes on the wire."""
    # What the SDK itself writes with; json takes four times as long, and both leave out the same of a model.
    to_json = getattr(sys.modules.get("pydantic_core"), "to_json", None)
    if to_json is not None:
        try:
            return len(to_json(answer, by_alias=True, exclude_none=True))
        except Exception:  # noqa: S110 - what it refuses, half a surrogate pair for one, may still have a size
            pass
    dump = getattr(answer, "model_dump", None)
    wire = answer if dump is None else dump(by_alias=True, exclude_none=True)
    text = json.dumps(wire, ensure_ascii=False, separators=_COMPACT, default=_plain)
    return len(text.encode("utf-8", "surrogatepass"))


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", by_alias=True, exclude_none=True)
    return dict(value) if is_mapping(value) else str(value)
