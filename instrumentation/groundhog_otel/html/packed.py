"""Large data in a page: as JSON, compressed, for ``packed.js`` to read."""

from __future__ import annotations

import base64
import gzip
import json
from html import escape
from typing import Any, Final

from groundhog_otel.html.markup import Html

__all__ = ("packed",)

_LEVEL: Final = 6
"""Of zlib's 9: a tenth larger than the best, in a third of the time."""


def packed(name: str, value: Any) -> Html:
    """Return a value of JSON, for a script to read by the id ``name`` with ``unpacked``. It is data, never run.

    Raises:
        ValueError: there is a number in it that JSON does not have.
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    small = base64.b64encode(gzip.compress(text.encode(), _LEVEL, mtime=0)).decode()
    return Html(f'<script type="application/octet-stream" id="{escape(name)}">{small}</script>')
