from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import psutil
import pytest

collect_ignore_glob = [] if find_spec("mcp") else ["*"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def no_orphans() -> Iterator[None]:
    """Hold that no process started within a test outlives it, nor stays as a zombie."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    assert left == []
