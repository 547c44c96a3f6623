from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.formats import FORMATS, encoded, format_of
from tests.profiling import made


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_written_and_named(name: str) -> None:
    assert len(encoded(made.profile(), name, experimental=True)) > 200
    for suffix in FORMATS[name].suffixes:
        assert format_of(Path(f"a.b{suffix.upper()}")) == name
    with pytest.raises(ProfileError, match="no 'heap': choose one of wall, cpu"):
        encoded(made.profile(), name, value="heap", experimental=True)


def test_what_there_is_not_is_said() -> None:
    with pytest.raises(ProfileError, match=r"no format 'svg': choose one of html, speedscope, pprof, collapsed, otlp"):
        encoded(made.profile(), "svg")
    with pytest.raises(ProfileError, match="otlp is experimental, and may change: allow it with --experimental"):
        encoded(made.profile(), "otlp")
    with pytest.raises(ProfileError, match=r"x\.svg does not say its format: end its name with one of \.html"):
        format_of(Path("x.svg"))


def test_a_missing_library_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("google.protobuf"):
            raise ImportError(name=name)
        return real(name, *args, **kwargs)

    for module in [one for one in sys.modules if one.startswith("groundhog_otel.profiling.formats.pprof")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        ProfileError, match=r"google.protobuf is not installed: pip install 'groundhog-otel\[profile\]'"
    ):
        encoded(made.profile(), "pprof")
