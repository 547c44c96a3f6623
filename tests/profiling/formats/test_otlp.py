from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from groundhog_otel.profiling.errors import ProfileError
from groundhog_otel.profiling.formats import otlp
from groundhog_otel.profiling.model import Profile
from tests.profiling import made
from tests.support.pipeline.collector import Collector
from tests.support.ports import free_ports
from tests.support.receiver import receiving


def read(request: Any) -> tuple[list[Any], Counter[object]]:
    """Return the profiles of a message, and what stacks, attributes and links add up to, as its numbers lead there."""
    tables = request.dictionary
    texts = tables.string_table
    assert texts[0] == ""

    def place(index: int) -> tuple[str, str, int]:
        (line,) = tables.location_table[index].lines
        function = tables.function_table[line.function_index]
        return texts[function.name_strindex], texts[function.filename_strindex], line.line

    (of_resource,) = request.resource_profiles
    (of_scope,) = of_resource.scope_profiles
    total: Counter[object] = Counter()
    for profile in of_scope.profiles:
        name = texts[profile.sample_type.type_strindex]
        identities = [(one.stack_index, tuple(one.attribute_indices), one.link_index) for one in profile.samples]
        assert len(set(identities)) == len(identities)
        for one in profile.samples:
            stack = tuple(map(place, reversed(tables.stack_table[one.stack_index].location_indices)))
            attributes = [tables.attribute_table[index] for index in one.attribute_indices]
            said = frozenset((texts[it.key_strindex], it.value.string_value) for it in attributes)
            link = tables.link_table[one.link_index]
            total[(stack, said, (link.trace_id.hex().zfill(32), link.span_id.hex().zfill(16)), name)] += one.values[0]
            assert len(one.values) == 1
    return list(of_scope.profiles), total


@given(found=made.profiles())
def test_nothing_is_lost(found: Profile) -> None:
    request = otlp.request(found)
    profiles, total = read(request)
    for name in ("mapping", "location", "function", "attribute", "stack"):
        first = getattr(request.dictionary, f"{name}_table")[0]
        assert first == type(first)()
    first = request.dictionary.link_table[0]
    assert (first.trace_id, first.span_id) == (bytes(16), bytes(8))
    assert len(profiles) == len(found.value_types)
    assert len({one.profile_id for one in profiles}) == len(profiles)
    assert profiles[0].profile_id.hex() == found.profile_id
    wanted: Counter[object] = Counter()
    for one in found.samples:
        stack = tuple(
            (f"{at.module}.{at.function}" if at.module else at.function, at.file, at.line) for at in one.stack
        )
        said: dict[str, str | None] = {"groundhog.profile.state": one.state, "thread.name": one.thread}
        link = ("0" * 32, "0" * 16)
        if one.link is not None:
            said["mcp.method.name"] = one.link.method
            named = {"tools/call": "gen_ai.tool.name", "prompts/get": "gen_ai.prompt.name"}.get(one.link.method)
            said |= {named: one.link.target} if named else {}
            said |= {"side": "client"} if one.link.side == "client" else {}
            if one.link.trace_id and one.link.span_id:
                link = (one.link.trace_id, one.link.span_id)
        attributes = frozenset((key, text) for key, text in said.items() if text)
        for kind, value in zip(found.value_types, one.values, strict=True):
            wanted[(stack, attributes, link, kind.name)] += value
    assert +total == +wanted
    assert otlp.dumps(found) == otlp.dumps(found)


CONFIG = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{otlp_http: {{profiles_endpoint: "{sink}/v1development/profiles"}}}}
extensions: {{health_check: {{endpoint: "${{env:GROUNDHOG_HEALTH}}"}}}}
service:
  extensions: [health_check]
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{profiles: {{receivers: [otlp], exporters: [otlp_http]}}}}
"""


@pytest.mark.e2e
@pytest.mark.timeout(180)
def test_the_collector_takes_it_and_passes_it_on_whole(tmp_path: Path) -> None:
    port = free_ports()["otlp_http"]
    with receiving() as sink:
        config = tmp_path / "config.yaml"
        config.write_text(CONFIG.format(port=port, sink=sink.url), encoding="utf-8")
        options = ("--feature-gates=service.profilesSupport",)
        collector = Collector(tmp_path / "state", jaeger_port=1, config=config, options=options)
        collector.start()
        try:
            otlp.send(made.profile(), f"http://127.0.0.1:{port}/")
            deadline = time.monotonic() + 60
            while not sink.profiles and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            collector.stop()
        assert len(sink.profiles) == 1, collector.log
        sent, arrived = otlp.request(made.profile()), sink.profiles[0]
        assert read(arrived)[1] == read(sent)[1]
        assert [one.profile_id for one in read(arrived)[0]] == [one.profile_id for one in read(sent)[0]]
        attributes = {one.key: one.value for one in arrived.resource_profiles[0].resource.attributes}
        assert attributes["service.name"].string_value == "shop"
        assert attributes["process.pid"].int_value == 4711


def test_who_does_not_take_profiles_is_named() -> None:
    with (
        receiving(404) as sink,
        pytest.raises(ProfileError, match="does not take profiles, it says 404: its Collector"),
    ):
        otlp.send(made.profile(), sink.url)
    with receiving(503) as sink, pytest.raises(ProfileError, match=r"does not take profiles, it says 503$"):
        otlp.send(made.profile(), sink.url)
    with pytest.raises(ProfileError, match=r"Cannot reach http://127\.0\.0\.1:1 \(.*refused"):
        otlp.send(made.profile(), "http://127.0.0.1:1")
    with pytest.raises(ProfileError, match=r"file:///etc/passwd is no OTLP endpoint over HTTP: name one such as"):
        otlp.send(made.profile(), "file:///etc/passwd")
