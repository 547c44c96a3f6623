"""Profiles as OTLP, the signal that is still in development: experimental, and it may change with any release of OTLP.

Its messages are those of ``opentelemetry.proto.profiles.v1development``. A Collector takes them where it was started
with ``--feature-gates=service.profilesSupport`` and has a pipeline ``profiles``.
"""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from opentelemetry.proto.collector.profiles.v1development.profiles_service_pb2 import ExportProfilesServiceRequest
from opentelemetry.proto.profiles.v1development.profiles_pb2 import Profile as Message
from opentelemetry.proto.profiles.v1development.profiles_pb2 import ProfilesDictionary

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.formats.naming import value_index
from groundhog_otel.profiling.formats.pprof import link_labels
from groundhog_otel.profiling.model import Frame, Link, Profile, Sample, Stack
from groundhog_otel.semconv import PROFILE_ID

__all__ = ("PATH", "dumps", "request", "send")

PATH: Final = "/v1development/profiles"


def request(profile: Profile, *, value: str | None = None) -> ExportProfilesServiceRequest:
    """Return a message with one profile for each value, ``value`` first, all with ours as ``groundhog.profile.id``.

    Raises:
        ProfileError: the profile has no such value.
    """
    shown = value_index(profile, value)
    indexes = sorted(range(len(profile.value_types)), key=lambda index: index != shown)
    made = ExportProfilesServiceRequest()
    dictionary = _Dictionary(made.dictionary)
    of_resource = made.resource_profiles.add()
    for key, fact in (("service.name", profile.service), ("process.pid", profile.pid)):
        if fact not in ("", None):
            _set(of_resource.resource.attributes.add(key=key).value, fact)
    of_scope = of_resource.scope_profiles.add()
    of_scope.scope.name = "groundhog_otel.profiling"
    # A sample is known by these three, and those that agree in them are one.
    known = [
        (dictionary.stack(one.stack), tuple(dictionary.of_sample(one)), dictionary.link(one.link), one.values)
        for one in profile.samples
    ]
    for index in indexes:
        message = _begun(of_scope.profiles.add(), dictionary, profile, index, first=index == shown)
        total: Counter[tuple[int, tuple[int, ...], int]] = Counter()
        for stack, attributes, link, values in known:
            total[(stack, attributes, link)] += values[index]
        for (stack, attributes, link), amount in total.items():
            if amount:
                message.samples.add(stack_index=stack, attribute_indices=attributes, link_index=link, values=[amount])
    return made


def dumps(profile: Profile, *, value: str | None = None) -> bytes:
    """Return the same as the content of a file, and as the body of a request over HTTP.

    Raises:
        ProfileError: the profile has no such value.
    """
    return request(profile, value=value).SerializeToString(deterministic=True)


def send(profile: Profile, endpoint: str, *, value: str | None = None, timeout_s: float = 10.0) -> None:
    """Send a profile to an OTLP endpoint over HTTP, such as ``http://localhost:4318``.

    Raises:
        ProfileError: it is not taken, or the profile has no such value.
    """
    if not endpoint.lower().startswith(("http://", "https://")):
        raise ProfileError(f"{endpoint} is no OTLP endpoint over HTTP: name one such as http://localhost:4318")
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    body = gzip.compress(dumps(profile, value=value))
    asked = Request(endpoint.rstrip("/") + PATH, body, headers, method="POST")  # noqa: S310 - of the two schemes above
    try:
        with urlopen(asked, timeout=timeout_s):  # noqa: S310
            pass
    except HTTPError as error:
        error.close()
        hint = (
            ": its Collector has no pipeline of profiles (--feature-gates=service.profilesSupport)"
            if error.code == 404
            else ""
        )
        raise ProfileError(f"{endpoint} does not take profiles, it says {error.code}{hint}") from None
    except (URLError, OSError) as error:
        raise ProfileError(f"Cannot reach {endpoint} ({getattr(error, 'reason', error)})") from None


def _begun(message: Message, dictionary: _Dictionary, profile: Profile, index: int, *, first: bool) -> Message:
    kind = profile.value_types[index]
    message.sample_type.type_strindex = dictionary.text(kind.name)
    message.sample_type.unit_strindex = dictionary.text(kind.unit)
    message.time_unix_nano = profile.start_ns
    message.duration_nano = max(profile.end_ns - profile.start_ns, 0)
    if profile.interval_ns:
        message.period_type.type_strindex = dictionary.text("wall")
        message.period_type.unit_strindex = dictionary.text("nanoseconds")
        message.period = profile.interval_ns
    # 16 bytes that no other profile has: ours, and what follows from it for those of the further values.
    ours = _id(profile.profile_id, 16)
    message.profile_id = ours if first else hashlib.sha256(ours + kind.name.encode()).digest()[:16]
    message.attribute_indices.append(dictionary.attribute(PROFILE_ID, profile.profile_id))
    if profile.engine:
        message.attribute_indices.append(dictionary.attribute("groundhog.profile.engine", profile.engine))
    return message


class _Dictionary:
    """The tables of what is referred to by number; the first item of each is empty, for none."""

    def __init__(self, tables: ProfilesDictionary) -> None:
        self._tables = tables
        self._numbers: dict[tuple[str, Any], int] = {}
        tables.string_table.append("")
        self._numbers[("text", "")] = 0
        for name in ("mapping", "location", "function", "attribute", "stack"):
            getattr(tables, f"{name}_table").add()
        tables.link_table.add(trace_id=bytes(16), span_id=bytes(8))

    def text(self, text: str) -> int:
        number = self._numbers.get(("text", text))
        if number is None:
            number = self._numbers[("text", text)] = len(self._tables.string_table)
            self._tables.string_table.append(_readable(text))
        return number

    def attribute(self, key: str, value: str) -> int:
        number = self._numbers.get((key, value))
        if number is None:
            number = self._numbers[(key, value)] = len(self._tables.attribute_table)
            made = self._tables.attribute_table.add(key_strindex=self.text(key))
            _set(made.value, value)
        return number

    def of_sample(self, sample: Sample) -> list[int]:
        return [self.attribute(key, value) for key, value in _attributes(sample) if value]

    def link(self, link: Link | None) -> int:
        if link is None or link.trace_id is None or link.span_id is None:
            return 0
        number = self._numbers.get(("link", (link.trace_id, link.span_id)))
        if number is None:
            number = self._numbers[("link", (link.trace_id, link.span_id))] = len(self._tables.link_table)
            self._tables.link_table.add(trace_id=_id(link.trace_id, 16), span_id=_id(link.span_id, 8))
        return number

    def stack(self, stack: Stack) -> int:
        if not stack:
            return 0
        number = self._numbers.get(("stack", stack))
        if number is None:
            locations = [self._location(frame) for frame in reversed(stack)]
            number = self._numbers[("stack", stack)] = len(self._tables.stack_table)
            self._tables.stack_table.add(location_indices=locations)
        return number

    def _location(self, frame: Frame) -> int:
        number = self._numbers.get(("location", frame))
        if number is None:
            function = self._function(frame)
            number = self._numbers[("location", frame)] = len(self._tables.location_table)
            self._tables.location_table.add().lines.add(function_index=function, line=frame.line)
        return number

    def _function(self, frame: Frame) -> int:
        name = f"{frame.module}.{frame.function}" if frame.module else frame.function
        number = self._numbers.get(("function", (name, frame.file)))
        if number is None:
            texts = self.text(name), self.text(frame.file)
            number = self._numbers[("function", (name, frame.file))] = len(self._tables.function_table)
            self._tables.function_table.add(
                name_strindex=texts[0], system_name_strindex=texts[0], filename_strindex=texts[1]
            )
        return number


def _attributes(sample: Sample) -> Iterator[tuple[str, str | None]]:
    if sample.link is not None:
        yield from link_labels(sample.link)
    yield "groundhog.profile.state", sample.state
    yield "thread.name", sample.thread


def _id(text: str, size: int) -> bytes:
    """Return the bytes of an id; zeros, which is none, where it is not one of that size."""
    digits = text if len(text) == 2 * size and set(text) <= set("0123456789abcdef") else ""
    return bytes.fromhex(digits) or bytes(size)


def _set(value: Any, fact: str | int | None) -> None:
    if isinstance(fact, int):
        value.int_value = fact
    elif fact is not None:
        value.string_value = _readable(fact)


def _readable(text: str) -> str:
    """Return a text without the lone surrogates that Python has for bytes of a file's name that are no text."""
    return text.encode(errors="replace").decode()
