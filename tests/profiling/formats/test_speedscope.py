from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft6Validator
from playwright.sync_api import expect

from groundhog_otel.profiling.formats import speedscope
from groundhog_otel.profiling.formats.naming import rooted, value_index
from groundhog_otel.profiling.model import Profile
from tests.profiling import made
from tests.support import npm
from tests.support.browser import started

PACKAGE = Path(npm.__file__).parent / "speedscope"


@lru_cache(maxsize=1)
def release() -> Path:
    folder = npm.installed(PACKAGE)
    if isinstance(folder, str):
        pytest.skip(folder)
    return folder / "node_modules/speedscope/dist/release"


@lru_cache(maxsize=1)
def validator() -> Draft6Validator:
    schema = json.loads((release() / "file-format-schema.json").read_text("utf-8"))
    Draft6Validator.check_schema(schema)
    return Draft6Validator(schema)


def stacks(file: Any, part: Any) -> Iterator[tuple[tuple[tuple[Any, ...], ...], int]]:
    frames = [(one["name"], one.get("file", ""), one.get("line", 0)) for one in file["shared"]["frames"]]
    for sample, weight in zip(part["samples"], part["weights"], strict=True):
        yield tuple(frames[number] for number in sample), weight


@given(found=made.profiles())
def test_a_file_is_as_the_published_schema_says_and_nothing_is_lost(found: Profile) -> None:
    file = json.loads(speedscope.dumps(found))
    validator().validate(file)
    first, *others = file["profiles"]
    read: Counter[object] = Counter()
    for stack, weight in stacks(file, first):
        read[stack] += weight
    wanted: Counter[object] = Counter()
    shown = value_index(found)
    for one in found.samples:
        roots = tuple((name, "", 0) for name in rooted(one))
        wanted[roots + tuple((frame.function, frame.file, frame.line) for frame in one.stack)] += one.values[shown]
    assert +read == +wanted
    assert sum(part["endValue"] for part in others) == first["endValue"] == sum(first["weights"])


def test_the_schema_refuses_what_is_wrong() -> None:
    file = json.loads(speedscope.dumps(made.profile()))
    file["profiles"][0]["unit"] = "jiffies"
    assert not validator().is_valid(file)


def test_operations_are_profiles_of_their_own_and_samples_are_in_order() -> None:
    file = json.loads(speedscope.dumps(made.profile(*reversed(made.SAMPLES)), value="cpu"))
    names = [part["name"] for part in file["profiles"]]
    assert names == ["cpu: all operations", *(f"cpu: tools/{one}" for one in ("call fetch", "call search", "list"))]
    assert file["profiles"][0]["weights"] == [650_000_000, 190_000_000, 90_000_000, 10_000_000]
    assert {part["unit"] for part in file["profiles"]} == {"nanoseconds"}


@pytest.mark.timeout(300)
def test_speedscope_itself_opens_it(tmp_path: Path) -> None:
    content = base64.b64encode(speedscope.dumps(made.profile()).encode()).decode()
    script = tmp_path / "profile.js"
    script.write_text(f"speedscope.loadFileFromBase64('shop.speedscope.json', '{content}')", encoding="utf-8")
    with started() as browser:
        page = browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(f"{(release() / 'index.html').as_uri()}#localProfilePath={script}")
        expect(page.get_by_text("wall: all operations (1/5)")).to_be_visible()
        page.keyboard.press("3")  # the view "sandwich": a table of all functions
        row = page.get_by_role("row").filter(has_text="sort")
        expect(row).to_contain_text("700.00ms")
        expect(row).to_contain_text("36%")
        assert complaints == []
