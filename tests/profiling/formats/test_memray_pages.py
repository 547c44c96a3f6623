from __future__ import annotations

from pathlib import Path

import pytest

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.formats.memray_pages import MemrayPage, write_memray_page
from tests.support.browser import started

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    memray = pytest.importorskip("memray")
    file = tmp_path_factory.mktemp("memray") / "recording.bin"

    def held_on_purpose() -> list[bytes]:
        found = []
        for _ in range(50):
            found.append(bytes(100_000))  # noqa: PERF401 - in Python 3.11, a comprehension is a frame of its own
        return found

    with memray.Tracker(file):
        kept = held_on_purpose()
    assert len(kept) == 50
    return file


@pytest.mark.parametrize("page", ["flamegraph", "table"])
@pytest.mark.parametrize("leaks", [False, True])
def test_memray_s_page_names_the_site_and_loads_nothing(
    recording: Path, tmp_path: Path, page: MemrayPage, leaks: bool
) -> None:
    output = tmp_path / "page.html"
    write_memray_page(recording, output, page=page, leaks=leaks)
    with started() as browser:
        opened = browser.new_page()
        asked: list[str] = []
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(output.as_uri())
        opened.get_by_text("held_on_purpose").first.wait_for(state="attached")
    assert [one for one in asked if not one.startswith(("file:", "data:", "blob:"))] == []


def test_what_memray_cannot_read_is_said(recording: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.bin").write_bytes(b"x")
    with pytest.raises(ProfileError, match=r"memray cannot make a page of .*bad\.bin: \S"):
        write_memray_page(tmp_path / "bad.bin", tmp_path / "page.html")
    with pytest.raises(ProfileError, match="there is no such file"):
        write_memray_page(tmp_path / "none.bin", tmp_path / "page.html")
    with pytest.raises(ProfileError, match="no page 'tree': choose one of flamegraph, table"):
        write_memray_page(recording, tmp_path / "page.html", page="tree")  # type: ignore[arg-type]
    with pytest.raises(ProfileError, match=r"within 0\.001 s: give it a shorter recording"):
        write_memray_page(recording, tmp_path / "page.html", timeout_s=0.001)
