from __future__ import annotations

from importlib.util import find_spec

import pytest

collect_ignore_glob = [] if find_spec("mcp") else ["*"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
