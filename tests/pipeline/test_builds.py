"""Building once, whole, from nothing but what is pinned; the compiler is a shell script that writes what it is told."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from groundhog_otel.pipeline import StackError
from groundhog_otel.pipeline.builds import Module, Programs, build_all

_GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go99.0.0 any/any"; exit; fi
echo "$@" >> "{log}"
if [ -e "{log}.broken" ]; then echo "go: downloading x"; echo "x.go:1: undefined: y" >&2; exit 1; fi
while [ "$1" != -o ]; do shift; done
out=$2; shift 2
case "$out" in
  */) for package in "$@"; do echo "$package" > "$out${{package##*/}}"; done;;
  *) echo "$1" > "$out";;
esac
"""

ONE = Module("One", "collector/one", (("one", "."),), tags="few")
TWO = Module("Two", "collector/two", (("first", "example.test/cmd/first"), ("second", "example.test/cmd/second")))


class Workshop:
    """A project of two modules, and a compiler that notes what it was asked for."""

    def __init__(self, folder: Path) -> None:
        self.project, self.cache, self.log = folder / "project", folder / "cache", folder / "log"
        for module in (ONE, TWO):
            (self.project / module.folder).mkdir(parents=True)
            (self.project / module.folder / "go.mod").write_text(f"module {module.name}\n\ngo 1.26.0\n")
        go = folder / "bin" / "go"
        go.parent.mkdir()
        go.write_text(_GO.format(log=self.log))
        go.chmod(0o755)
        self.said: list[str] = []

    def build(self) -> Programs:
        return build_all(self.project, self.cache, self.said.append, modules=(ONE, TWO))

    @property
    def compiled(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    made = Workshop(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    return made


def test_everything_is_built_once_and_from_pinned_sources_only(workshop: Workshop) -> None:
    programs = workshop.build()
    assert sorted(programs) == ["first", "one", "second"]
    assert programs["second"].read_text() == "example.test/cmd/second\n"
    assert len(workshop.compiled) == 2
    assert all("-mod=readonly -trimpath" in line for line in workshop.compiled)
    assert "-tags=few" in workshop.compiled[0]
    assert "-tags" not in workshop.compiled[1]
    assert any(line.startswith("[2/2] Two: ") for line in workshop.said)
    assert workshop.build() == programs
    assert len(workshop.compiled) == 2


def test_what_has_changed_is_built_again_and_nothing_else(workshop: Workshop) -> None:
    before = workshop.build()
    (workshop.project / ONE.folder / "go.sum").write_text("another\n")
    after = workshop.build()
    assert len(workshop.compiled) == 3
    assert after["one"] != before["one"]
    assert after["first"] == before["first"]


def test_a_module_in_a_folder_of_it_counts_but_for_its_tests(workshop: Workshop) -> None:
    inside = workshop.project / ONE.folder / "inside"
    inside.mkdir()
    (inside / "inside.go").write_text("package inside\n")
    before = workshop.build()
    (inside / "inside_test.go").write_text("package inside\n")
    assert workshop.build() == before
    (inside / "inside.go").write_text("package inside // changed\n")
    assert workshop.build()["one"] != before["one"]


def test_a_program_that_is_not_what_was_built_is_built_again(workshop: Workshop) -> None:
    programs = workshop.build()
    programs["first"].write_text("something else")
    assert workshop.build()["first"].read_text() == "example.test/cmd/first\n"
    assert any("is not what was built" in line for line in workshop.said)


def test_a_failed_build_is_one_line_and_leaves_nothing_behind(workshop: Workshop) -> None:
    broken = Path(f"{workshop.log}.broken")
    broken.touch()
    with pytest.raises(StackError, match=r"x\.go:1: undefined: y") as caught:
        workshop.build()
    assert "\n" not in str(caught.value)
    assert not [file for file in workshop.cache.rglob("*") if file.is_file() and file.name != "build.lock"]
    broken.unlink()
    assert workshop.build()


def test_what_a_killed_build_left_is_swept_away(workshop: Workshop) -> None:
    programs = workshop.build()
    left = programs["one"].parent / "building-x"
    left.mkdir()
    (left / "half").write_text("half")
    programs["one"].unlink()
    assert workshop.build()["one"].is_file()
    assert not left.exists()


def test_two_at_once_build_once(workshop: Workshop) -> None:
    found: list[Programs] = []
    threads = [threading.Thread(target=lambda: found.append(workshop.build())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert len(workshop.compiled) == 2
