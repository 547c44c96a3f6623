"""A program from a wheel is used if it is of the clone's own sources and what the wheel brought."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from groundhog_otel.pipeline.wheels import find_installed


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What installing the wheel leaves behind: a program, and metadata that name it."""
    libraries, found = tmp_path / "lib" / "site-packages", tmp_path / "bin" / "groundhog-collector"
    metadata = libraries / "groundhog_collector-0.1.0.dist-info"
    (metadata / "extra_metadata").mkdir(parents=True)
    found.parent.mkdir()
    found.write_bytes(b"program")
    (metadata / "METADATA").write_text("Metadata-Version: 2.4\nName: groundhog-collector\nVersion: 0.1.0\n")
    (metadata / "extra_metadata" / "sources.digest").write_text("abc\n")
    recorded = base64.urlsafe_b64encode(hashlib.sha256(b"program").digest()).rstrip(b"=").decode()
    (metadata / "RECORD").write_text(f"../../bin/groundhog-collector,sha256={recorded},7\n")
    monkeypatch.syspath_prepend(str(libraries))
    return found


def test_one_of_the_same_sources_is_used(program: Path) -> None:
    said: list[str] = []
    assert find_installed("Collector", "abc", said.append) == {"groundhog-collector": program}
    assert not said
    assert find_installed("Jaeger", "abc", said.append) is None


def test_one_of_other_sources_is_not(program: Path) -> None:
    said: list[str] = []
    assert program.exists()
    assert find_installed("Collector", "abd", said.append) is None
    assert "of other sources" in said[0]


def test_one_that_has_changed_is_not(program: Path) -> None:
    said: list[str] = []
    program.write_bytes(b"another")
    assert find_installed("Collector", "abc", said.append) is None
    program.unlink()
    assert find_installed("Collector", "abc", said.append) is None
    assert len([line for line in said if "not what its wheel brought" in line]) == 2


def test_without_a_wheel_nothing_is_said() -> None:
    said: list[str] = []
    assert find_installed("Collector", "abc", said.append) is None
    assert not said
