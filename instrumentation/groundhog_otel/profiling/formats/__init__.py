"""Profiles in the formats that others open, each written by a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.model import Profile

__all__ = ("FORMATS", "Format", "encoded", "format_of")


@dataclass(frozen=True, slots=True)
class Format:
    """What a profile can be written as."""

    suffixes: tuple[str, ...]
    """What files of it end with; the first is the usual one."""
    opened_with: str
    experimental: bool = False
    """Written only when that is asked for: its next release may not read this one's."""

    @property
    def suffix(self) -> str:
        """The usual end of a file's name."""
        return self.suffixes[0]


FORMATS: Final[Mapping[str, Format]] = {
    "html": Format((".html", ".htm"), "a browser"),
    "speedscope": Format((".speedscope.json", ".json"), "https://www.speedscope.app, which keeps it on your machine"),
    "pprof": Format((".pb.gz", ".pprof"), "go tool pprof"),
    "collapsed": Format((".collapsed.txt", ".txt", ".collapsed", ".folded"), "flamegraph.pl, inferno, speedscope"),
    "otlp": Format((".otlp.pb",), "a Collector with service.profilesSupport", experimental=True),
}


def encoded(profile: Profile, name: str, *, value: str | None = None, experimental: bool = False) -> bytes:
    """Return a profile as the content of a file.

    ``value`` is one of the profile's values: the only one in ``collapsed`` and ``speedscope``, the first to be seen in
    the others. ``experimental`` allows those formats that are.

    Raises:
        ProfileError: there is no format of that name, it is experimental, what writes it is not installed, or the
            profile has no such value.
    """
    if name not in FORMATS:
        raise ProfileError(f"There is no format {name!r}: choose one of {', '.join(FORMATS)}")
    if FORMATS[name].experimental and not experimental:
        raise ProfileError(f"The format {name} is experimental, and may change: allow it with --experimental")
    try:
        dumps: Callable[..., str | bytes] = import_module(f"{__name__}.{name}").dumps
    except ImportError as error:
        raise ProfileError(f"{error.name} is not installed: pip install 'groundhog-otel[profile]'") from None
    content = dumps(profile, value=value)
    return content if isinstance(content, bytes) else content.encode(errors="replace")


def format_of(file: Path) -> str:
    """Return the format that a file's name asks for.

    Raises:
        ProfileError: it asks for none.
    """
    found = [name for name, one in FORMATS.items() if file.name.lower().endswith(one.suffixes)]
    if not found:
        usual = ", ".join(one.suffix for one in FORMATS.values())
        raise ProfileError(f"{file.name} does not say its format: end its name with one of {usual}, or use --format")
    return found[0]
