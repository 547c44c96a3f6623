"""Prepares a release: ``make release VERSION=x.y.z``. It changes the version and the changelog, commits, tags, builds.

Nothing is sent anywhere: the last lines say what to type for that.
"""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_UNRELEASED: Final = "## [Unreleased]\n"


class ReleaseError(Exception):
    """What keeps a release from being made; the message says what to do."""


def with_version(module: str, version: str) -> str:
    """Return the package's first module with another version.

    Raises:
        ReleaseError: it is no version, or not above the one that is there.
    """
    if not _VERSION.fullmatch(version):
        raise ReleaseError(f"{version!r} is no version. Write: make release VERSION=1.2.3")
    found = re.search(r'^__version__ = "([^"]+)"$', module, re.MULTILINE)
    if found is None:
        raise ReleaseError("the package has no version")
    if _ordered(version) < _ordered(found[1]):
        raise ReleaseError(f"{version} is before {found[1]}, which the package has already")
    return module[: found.start(1)] + version + module[found.end(1) :]


def with_section(changelog: str, version: str, day: str) -> str:
    """Return CHANGELOG.md with what was unreleased under the version, and room for what comes next.

    Raises:
        ReleaseError: nothing was written down for this release, or the version has a section already.
    """
    head, marker, rest = changelog.partition(_UNRELEASED)
    if not marker or not rest.partition("\n## [")[0].strip():
        raise ReleaseError("CHANGELOG.md says of nothing new: write below [Unreleased] what users will notice")
    if f"## [{version}]" in rest:
        raise ReleaseError(f"CHANGELOG.md has a section {version} already")
    return f"{head}{_UNRELEASED}\n## [{version}] - {day}\n{rest}"


def _ordered(version: str) -> tuple[int, int, int, int, str]:
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)(.*)", version)
    if numbers is None:
        raise ReleaseError(f"{version!r} is no version")
    major, minor, patch, before = numbers.groups()
    return int(major), int(minor), int(patch), int(not before), before


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def main(version: str) -> None:
    if changed := _git("status", "--porcelain").strip():
        raise ReleaseError(f"there are changes that are not committed:\n{changed}")
    module, changelog = ROOT / "instrumentation" / "groundhog_otel" / "__init__.py", ROOT / "CHANGELOG.md"
    day = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    texts = {
        module: with_version(module.read_text("utf-8"), version),
        changelog: with_section(changelog.read_text("utf-8"), version, day),
    }
    for file, text in texts.items():
        file.write_text(text, "utf-8")
    subprocess.run(["make", "distributions"], cwd=ROOT, check=True)
    made = sorted(str(one) for one in (ROOT / "dist").glob("groundhog_otel-*"))
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *made], check=True)
    _git("commit", "--all", "--message", f"Release {version}")
    _git("tag", "--annotate", f"v{version}", "--message", f"groundhog-otel {version}")
    print(f"Made {', '.join(Path(one).name for one in made)}, and the tag v{version}. To hand it out:")
    print(f"  git push origin main v{version}\n  .venv-release/bin/python -m twine upload dist/groundhog_otel-*")


if __name__ == "__main__":
    try:
        main(sys.argv[1] if sys.argv[1:] else "")
    except ReleaseError as error:
        sys.exit(f"release: {error}")
