from __future__ import annotations

from pathlib import Path

import pytest

from groundhog_otel.report.wording import story
from groundhog_otel.store.manifest import Manifest
from groundhog_otel.store.model import Run


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("python server.py --port 8000", "python server.py --port 8000"),
        ("server --token abc --port 1", "server --token … --port 1"),
        ("server --api-key=abc", "server --api-key=…"),
        ("env OPENAI_API_KEY=abc server", "env OPENAI_API_KEY=… server"),
        ("server --token --verbose", "server --token --verbose"),
        ("server postgres://me:pw@host/db", "server postgres://…@host/db"),
        ("curl --header Authorization:x url", "curl --header … url"),
        ("python monkey.py", "python monkey.py"),
    ],
)
def test_a_command_is_told_without_its_secrets(command: str, shown: str) -> None:
    run = Run("r", Path("r"), Manifest(tuple(command.split()), "2026-01-01T00:00:00+00:00"))
    assert story(run) == f"{shown}: still running, or killed"
