"""The page on the house names every room, and no other."""

from __future__ import annotations

import re

from tests.support.processes import ROOT

PACKAGE = ROOT / "instrumentation" / "groundhog_otel"


def test_every_room_is_on_the_page_and_no_other() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = page.partition("## The rooms")[2].partition("Beside the package")[0]
    named = {
        name for row in re.findall(r"^\| (`.*?) \|", rooms, re.MULTILINE) for name in re.findall(r"`([\w./]+)`", row)
    }
    there = {f"{one.name}/" if one.is_dir() else one.name for one in PACKAGE.iterdir() if not one.name.startswith("__")}
    assert named == there - {"py.typed"}


def test_every_file_that_it_points_at_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    paths = set(re.findall(r"`((?:mcp|store|analysis|optimizer|cli|tests|docs|deploy|bench|collector)/[\w./]*)`", page))
    missing = {
        path
        for path in paths
        if not any((base / path).exists() or (base / f"{path}.py").exists() for base in (PACKAGE, ROOT))
    }
    assert missing <= {"optimizer/actions/", "tests/faults/"}
