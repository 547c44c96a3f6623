"""What a release changes, and what it is held up by."""

from __future__ import annotations

import re

import pytest

from deploy.release.audit import licences, unknown
from deploy.release.prepare import ReleaseError, with_section, with_version
from groundhog_otel import __version__
from tests.support.processes import ROOT

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- This.\n\n## [0.1.0] - 2026-01-01\n\n- That.\n"


def test_a_release_sets_the_version_where_it_is() -> None:
    text = (ROOT / "instrumentation" / "groundhog_otel" / "__init__.py").read_text("utf-8")
    assert with_version(text, "99.0.0") == text.replace(f'"{__version__}"', '"99.0.0"')


@pytest.mark.parametrize(("version", "says"), [("1.2", "is no version"), ("", "is no version"), ("0.0.9", "is before")])
def test_a_version_that_cannot_be_is_refused(version: str, says: str) -> None:
    with pytest.raises(ReleaseError, match=says):
        with_version('__version__ = "0.1.0"\n', version)


def test_a_candidate_comes_before_its_release() -> None:
    assert with_version('__version__ = "1.0.0rc1"\n', "1.0.0") == '__version__ = "1.0.0"\n'
    with pytest.raises(ReleaseError, match="is before"):
        with_version('__version__ = "1.0.0"\n', "1.0.0rc2")


def test_what_was_unreleased_gets_its_section() -> None:
    made = with_section(CHANGELOG, "0.2.0", "2026-02-01")
    assert re.findall(r"^## .*$", made, re.MULTILINE) == [
        "## [Unreleased]",
        "## [0.2.0] - 2026-02-01",
        "## [0.1.0] - 2026-01-01",
    ]
    assert made.index("- This.") > made.index("## [0.2.0]")


def test_a_release_of_nothing_new_is_refused() -> None:
    empty = CHANGELOG.replace("### Added\n\n- This.\n\n", "")
    with pytest.raises(ReleaseError, match="says of nothing new"):
        with_section(empty, "0.2.0", "2026-02-01")
    with pytest.raises(ReleaseError, match=r"has a section 0\.1\.0 already"):
        with_section(CHANGELOG, "0.1.0", "2026-02-01")


def test_a_licence_is_read_however_it_is_told() -> None:
    told = {
        "licenses": [
            {"license": {"id": "MIT"}},
            {"expression": "MIT OR GPL-2.0"},
            {"license": {"name": "BSD License\nx"}},
        ]
    }
    assert licences(told) == {"MIT", "MIT OR GPL-2.0", "BSD License"}


def test_a_licence_that_is_not_allowed_is_named() -> None:
    parts = [
        {"name": "good", "version": "1", "licenses": [{"license": {"id": "MIT"}}]},
        {"name": "bad", "version": "2", "licenses": [{"license": {"id": "GPL-3.0-only"}}]},
        {"name": "protobuf"}, {"name": "unsaid", "version": "3"}, {"name": "groundhog-otel"},
    ]  # fmt: skip
    assert dict(unknown({"components": parts})) == {"bad 2": {"GPL-3.0-only"}, "unsaid 3": set()}
