"""Makes README.md the site's first page, and takes along whatever a page links to in the repository.

The pages are read in the repository as well as on the site: their links are those of the repository. What is outside
docs/ gets a place below ``repository/``: Markdown as a page, a folder as a list of its files, anything else as it is.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parent.parent.parent
_LINK: Final = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
_FENCE: Final = re.compile(r"^(```.*?^```[^\n]*$)", re.DOTALL | re.MULTILINE)
_HOME: Final = "README.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the first page, and what pages link to, and what that links to."""
    pending = [_HOME, *(f"docs/{file.src_uri}" for file in files.documentation_pages())]
    seen = set(pending)
    files.append(File.generated(config, place_of(_HOME), abs_src_path=str(ROOT / _HOME)))
    while pending:
        page = pending.pop()
        if not page.endswith(".md") and not (ROOT / page).is_dir():
            continue
        for found in _linked(page):
            if found not in seen and not f"{found}/".startswith("docs/"):
                seen.add(found)
                pending.append(found)
                _add(files, config, found)
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Have links lead to where the site keeps what they name."""
    here = page.file.src_uri
    source = source_of(here)

    def moved(match: re.Match[str]) -> str:
        target = _resolved(source, match[1])
        return posixpath.relpath(place_of(target), posixpath.dirname(here) or ".") + (match[2] or "")

    parts = _FENCE.split(markdown)
    return "".join(part if index % 2 else _LINK.sub(moved, part) for index, part in enumerate(parts))


def place_of(path: str) -> str:
    """Return where the site keeps a file of the repository: relative to docs/, as a page's links are."""
    if path in (_HOME, "docs"):
        return "index.md"
    if path.startswith("docs/") and not path.startswith("docs/demo"):
        return path.removeprefix("docs/")
    return f"repository/{path}/index.md" if (ROOT / path).is_dir() else f"repository/{path}"


def source_of(place: str) -> str:
    """Return the file of the repository that a page is made of."""
    if place == "index.md":
        return _HOME
    inside = place.removeprefix("repository/")
    if inside == place:
        return f"docs/{place}"
    return inside if (ROOT / inside).is_file() else posixpath.dirname(inside)


def _add(files: Files, config: MkDocsConfig, path: str) -> None:
    place = place_of(path)
    if not (ROOT / path).exists() or files.get_file_from_path(place) is not None:
        return  # a link to nothing is found when the pages are made
    if (ROOT / path).is_dir():
        content = _listing(path)
        files.append(File.generated(config, place, content=content, inclusion=InclusionLevel.NOT_IN_NAV))
    else:
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path), inclusion=InclusionLevel.NOT_IN_NAV))


def _linked(page: str) -> set[str]:
    """Return what a page links to in the repository; nothing of a page that is not there: its links are checked."""
    if not (ROOT / page).exists():
        return set()
    text = _listing(page) if (ROOT / page).is_dir() else (ROOT / page).read_text("utf-8")
    plain = "".join(part for index, part in enumerate(_FENCE.split(text)) if index % 2 == 0)
    return {_resolved(page, match[1]) for match in _LINK.finditer(plain)}


def _resolved(page: str, link: str) -> str:
    base = page if (ROOT / page).is_dir() else posixpath.dirname(page)
    return posixpath.normpath(posixpath.join(base, link))


def _listing(folder: str) -> str:
    """Return a page that lists the files of a folder."""
    names = sorted(one.name for one in (ROOT / folder).iterdir() if not one.name.startswith((".", "__")))
    return f"# {folder}\n\n" + "\n".join(f"* [{name}]({name})" for name in names) + "\n"
