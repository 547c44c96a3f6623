"""Profiles for ``go tool pprof``, Pyroscope, Polar Signals, Datadog and whatever else reads pprof."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any, Final

from groundhog_otel.profiling.formats.naming import value_index
from groundhog_otel.profiling.formats.pprof_messages import profile_class
from groundhog_otel.profiling.model import Frame, Link, Profile, Sample
from groundhog_otel.semconv import GEN_AI_PROMPT_NAME, GEN_AI_TOOL_NAME, MCP_METHOD_NAME

__all__ = ("dumps", "link_labels")

_NAMED: Final = {"tools/call": GEN_AI_TOOL_NAME, "prompts/get": GEN_AI_PROMPT_NAME}
_MAPPING: Final = 1


def dumps(profile: Profile, *, value: str | None = None) -> bytes:
    """Return a profile with all its values, each sample labelled with its operation; ``value`` is shown first.

    The labels are ``trace_id``, ``span_id``, ``mcp.method.name``, ``gen_ai.tool.name`` or ``gen_ai.prompt.name``,
    ``side`` where it is a client's, ``state`` and ``thread``.

    Raises:
        ProfileError: the profile has no such value.
    """
    written = _Written(profile_class()())
    message = written.message
    for kind in profile.value_types:
        message.sample_type.add(type=written.text(kind.name), unit=written.text(kind.unit))
    message.mapping.add(
        id=_MAPPING, filename=written.text(profile.service), has_functions=True, has_filenames=True,
        has_line_numbers=True,
    )  # fmt: skip
    for sample in profile.samples:
        labels = [{"key": written.text(key), "str": written.text(text)} for key, text in _labels(sample) if text]
        message.sample.add(
            location_id=[written.location(frame) for frame in reversed(sample.stack)], value=sample.values, label=labels
        )
    message.time_nanos = profile.start_ns
    message.duration_nanos = profile.end_ns - profile.start_ns
    if profile.value_types:
        shown = profile.value_types[value_index(profile, value)]
        message.default_sample_type = written.text(shown.name)
        if profile.interval_ns:
            message.period_type.type, message.period_type.unit = written.text("wall"), written.text("nanoseconds")
            message.period = profile.interval_ns
    message.comment.extend(written.text(comment) for comment in _comments(profile))
    # No time of writing in it: one profile is always the same file.
    return gzip.compress(message.SerializeToString(deterministic=True), mtime=0)


class _Written:
    """A message, and the numbers that its strings, functions and locations have."""

    def __init__(self, message: Any) -> None:
        self.message = message
        self._texts: dict[str, int] = {}
        self._functions: dict[tuple[str, str, str], int] = {}
        self._locations: dict[Frame, int] = {}
        self.text("")

    def text(self, text: str) -> int:
        number = self._texts.get(text)
        if number is None:
            number = self._texts[text] = len(self._texts)
            # A file's name may hold bytes that are no text, which Python keeps as lone surrogates.
            self.message.string_table.append(text.encode(errors="replace").decode())
        return number

    def location(self, frame: Frame) -> int:
        number = self._locations.get(frame)
        if number is None:
            number = self._locations[frame] = len(self._locations) + 1
            line = {"function_id": self._function(frame), "line": frame.line}
            self.message.location.add(id=number, mapping_id=_MAPPING, line=[line])
        return number

    def _function(self, frame: Frame) -> int:
        key = (frame.module, frame.function, frame.file)
        number = self._functions.get(key)
        if number is None:
            number = self._functions[key] = len(self._functions) + 1
            name = f"{frame.module}.{frame.function}" if frame.module else frame.function
            self.message.function.add(
                id=number, name=self.text(name), system_name=self.text(name), filename=self.text(frame.file)
            )
        return number


def link_labels(link: Link) -> Iterator[tuple[str, str | None]]:
    """Yield what a link says, by the names that spans have for it."""
    yield MCP_METHOD_NAME, link.method
    if link.method in _NAMED:
        yield _NAMED[link.method], link.target
    if link.side == "client":
        yield "side", link.side


def _labels(sample: Sample) -> Iterator[tuple[str, str | None]]:
    if sample.link is not None:
        yield "trace_id", sample.link.trace_id
        yield "span_id", sample.link.span_id
        yield from link_labels(sample.link)
    yield "state", sample.state
    yield "thread", sample.thread


def _comments(profile: Profile) -> Iterator[str]:
    yield f"groundhog.profile.id: {profile.profile_id}"
    if profile.engine:
        yield f"engine: {profile.engine}"
    if not profile.complete:
        yield "the process ended before the profile did"
    yield from (f"{name}: {fact}" for name, fact in profile.facts.items())
