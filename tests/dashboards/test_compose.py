"""``deploy/compose.yaml`` against its schema, and against everything of this repository that it repeats.

Docker is not needed: tests/e2e/test_compose.py starts the real programs with its commands and variables.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from groundhog_otel.pipeline.parts import recipes
from groundhog_otel.settings.stack import STACK_PORTS, StackSettings, port_variable
from tests.dashboards.expressions import ROOT

DEPLOY = ROOT / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SCHEMA = json.loads(Path(__file__).with_name("schemas").joinpath("compose-spec.json").read_text("utf-8"))


def _problems(compose: dict[str, Any]) -> list[str]:
    errors = jsonschema.Draft7Validator(SCHEMA).iter_errors(compose)
    return [f"{error.json_path}: {error.message}" for error in errors]


def test_it_is_what_the_compose_specification_asks_for() -> None:
    assert not _problems(COMPOSE)
    broken = {**COMPOSE, "services": {**SERVICES, "jaeger": {**SERVICES["jaeger"], "memory": "1g"}}}
    assert _problems(broken), "the schema refuses nothing"


def test_ports_are_those_of_the_stack_and_on_loopback_only() -> None:
    published = {}
    for text in SERVICES["network"]["ports"]:
        found = re.fullmatch(r"127\.0\.0\.1:\$\{(\w+):-(\d+)\}:(\d+)", text)
        assert found is not None, f"{text} is not on loopback"
        assert found[2] == found[3]
        published[found[1]] = int(found[2])
    assert published.pop("GROUNDHOG_PORT_GRAFANA") == 3000
    assert published == {
        port_variable(name): STACK_PORTS[name]
        for name in ("otlp_grpc", "otlp_http", "collector_health", "jaeger_query", "prometheus", "alertmanager")
    }
    others = {name: service for name, service in SERVICES.items() if name != "network"}
    for name, service in others.items():
        assert "ports" not in service, name
        assert service["network_mode"] == "service:network", name


def test_only_published_ports_listen_beyond_loopback() -> None:
    opened = {int(port) for port in re.findall(r"0\.0\.0\.0:(\d+)", TEXT)}
    published = {int(text.rsplit(":", 1)[1]) for text in SERVICES["network"]["ports"]}
    assert opened == published - {3000}, "Grafana listens on all addresses by itself"


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_exists_and_cannot_be_written(name: str) -> None:
    for text in SERVICES[name].get("volumes", ()):
        source, target, *mode = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text).split(":")
        assert target.startswith("/")
        if source.startswith("."):
            assert (DEPLOY / source).exists(), source
            assert mode == ["ro"], text
        else:
            assert source in COMPOSE["volumes"], source
            assert not mode


def test_every_volume_is_used() -> None:
    used = {text.split(":")[0] for service in SERVICES.values() for text in service.get("volumes", ())}
    assert set(COMPOSE["volumes"]) <= used


def test_the_collectors_variables_are_those_that_its_configuration_reads() -> None:
    read = set(re.findall(r"\$\{env:(\w+)", (ROOT / "otel-config.yaml").read_text("utf-8")))
    given = set(SERVICES["collector"]["environment"]) - {"GOMEMLIMIT"}
    assert given <= read, given - read
    # The rest stay as they are: addresses on the loopback that all parts share.
    assert read - given >= {"GROUNDHOG_JAEGER_OTLP", "GROUNDHOG_PROMETHEUS_EXPORTER"}


def test_every_variable_is_documented() -> None:
    documented = (DEPLOY / "README.md").read_text("utf-8")
    for name in sorted(set(re.findall(r"GROUNDHOG_\w+", TEXT))):
        assert f"`{name}`" in documented, name


def _pinned(folder: str, module: str) -> str:
    text = (ROOT / "collector" / folder / "go.mod").read_text("utf-8")
    found = re.search(rf"{re.escape(module)} v(\S+)", text)
    assert found is not None
    return found[1]


def test_images_are_the_versions_that_we_build() -> None:
    image = {name: service["image"] for name, service in SERVICES.items()}
    collector = _pinned("groundhog-collector", "go.opentelemetry.io/collector/otelcol")
    assert image["collector"] == f"otel/opentelemetry-collector-contrib:{collector}"
    alertmanager = _pinned("tools/alertmanager", "github.com/prometheus/alertmanager")
    assert image["alertmanager"] == f"prom/alertmanager:v{alertmanager}"
    # As a module, Prometheus 3.16.0 is v0.316.0.
    zero, minor, patch = _pinned("tools/prometheus", "github.com/prometheus/prometheus").split(".")
    assert (zero, minor[0]) == ("0", "3")
    assert image["prometheus"] == f"prom/prometheus:v3.{int(minor[1:])}.{patch}"
    # Jaeger's own changelog: v1.76.0 is the module of v2.13.0.
    assert _pinned("tools/jaeger", "github.com/jaegertracing/jaeger") == "1.76.0"
    assert image["jaeger"] == "jaegertracing/jaeger:2.13.0"
    for name, text in image.items():
        assert re.search(r":v?\d+\.\d+", text), f"{name} has no version"


def test_components_of_the_configuration_are_in_the_collectors_image() -> None:
    """The contrib image has every component; what we build is a selection of it, and one that is around one of it."""
    modules = set(re.findall(r"gomod: (\S+) v", (ROOT / "collector" / "builder-config.yaml").read_text("utf-8")))
    modules.remove("groundhog-otel.invalid/collector/filestorage")
    homes = ("go.opentelemetry.io/collector/", "github.com/open-telemetry/opentelemetry-collector-contrib/")
    assert modules
    assert [module for module in modules if not module.startswith(homes)] == []


@pytest.mark.parametrize("part", ["Prometheus", "Alertmanager"])
def test_flags_are_those_of_the_stack(part: str, tmp_path: Path) -> None:
    settings = StackSettings(tmp_path, tmp_path, STACK_PORTS)
    programs = {name: Path(name) for name in ("jaeger", "alertmanager", "prometheus", "groundhog-collector")}
    found = recipes(settings, programs, config=tmp_path, collector={})[part]
    ours, theirs = (
        dict(word.split("=", 1) for word in words) for words in (found.command[1:], SERVICES[part.lower()]["command"])
    )
    places = {"--config.file", "--storage.path", "--storage.tsdb.path", "--web.listen-address"}
    assert ours.keys() == theirs.keys()
    assert {flag: ours[flag] for flag in ours.keys() - places} == {flag: theirs[flag] for flag in ours.keys() - places}


@pytest.mark.parametrize("name", SERVICES)
def test_every_part_is_bounded_and_has_no_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["mem_limit"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"]["max-size"]


def test_the_collectors_limit_leaves_room_for_its_memory_limiter() -> None:
    limit = re.search(r":-(\d+)m\}", SERVICES["collector"]["mem_limit"])
    heap = re.search(r":-(\d+)\}MiB", SERVICES["collector"]["environment"]["GOMEMLIMIT"])
    assert limit is not None
    assert heap is not None
    assert f"GROUNDHOG_MEMORY_MIB:-{heap[1]}" in (ROOT / "otel-config.yaml").read_text("utf-8")
    assert int(limit[1]) >= 1.3 * int(heap[1])


def test_health_checks_ask_where_the_parts_answer() -> None:
    asked = {name: service["healthcheck"]["test"][-1] for name, service in SERVICES.items() if "healthcheck" in service}
    assert asked == {
        "jaeger": f"http://127.0.0.1:{STACK_PORTS['jaeger_health']}/status",
        "alertmanager": f"http://127.0.0.1:{STACK_PORTS['alertmanager']}/-/ready",
        "prometheus": f"http://127.0.0.1:{STACK_PORTS['prometheus']}/-/ready",
        "grafana": "http://127.0.0.1:3000/api/health",
    }
