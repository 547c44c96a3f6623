"""What Grafana asks of a dashboard: its schemas, unique ids, places that do not overlap, sources that exist."""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.dashboards.expressions import FILES, ROOT, load

SCHEMAS = Path(__file__).with_name("schemas")
PROVISIONING = ROOT / "deploy" / "grafana" / "provisioning"

each_dashboard = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@cache
def _validator(name: str, definition: str) -> jsonschema.Draft7Validator:
    schema = json.loads((SCHEMAS / f"{name}.jsonschema.json").read_text("utf-8"))
    return jsonschema.Draft7Validator({**schema, "$ref": f"#/definitions/{definition}"})


# Grafana takes any value here; the schemas, which are generated too, say "object" for that.
_ANYTHING = re.compile(r"overrides\[\d+\]\.(matcher\.options|properties\[\d+\]\.value)$")


def _check(name: str, definition: str, value: Any) -> None:
    problems = [
        f"{error.json_path}: {error.message}"
        for error in _validator(name, definition).iter_errors(value)
        if not _ANYTHING.search(error.json_path)
    ]
    assert not problems, f"{name} {definition}: {problems[:5]}"


def _panels(file: Path) -> list[dict[str, Any]]:
    return [panel for panel in load(file)["panels"] if panel["type"] != "row"]


@each_dashboard
def test_it_is_what_grafanas_schemas_ask_for(file: Path) -> None:
    dashboard = load(file)
    _check("dashboard", "Dashboard", {**dashboard, "panels": []})
    for panel in dashboard["panels"]:
        _check("dashboard", "RowPanel" if panel["type"] == "row" else "Panel", panel)
    for panel in _panels(file):
        _check(panel["type"], "Options", panel["options"])
        for target in panel["targets"]:
            _check("prometheus", "Dataquery", target)
        if panel["type"] == "timeseries":
            _check("timeseries", "FieldConfig", panel["fieldConfig"]["defaults"]["custom"])


def test_the_schemas_refuse_what_is_wrong() -> None:
    panel = _panels(FILES[0])[0]
    with pytest.raises(AssertionError, match="colour"):
        _check("dashboard", "Panel", {**panel, "colour": "red"})
    with pytest.raises(AssertionError, match="instantly"):
        _check("prometheus", "Dataquery", {**panel["targets"][0], "instantly": True})


@each_dashboard
def test_ids_are_unique_and_places_do_not_overlap(file: Path) -> None:
    panels = load(file)["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(set(ids)) == len(ids)
    for panel in panels:
        place = panel["gridPos"]
        assert place["w"] > 0
        assert place["h"] > 0
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
    for one, other in combinations(panels, 2):
        a, b = one["gridPos"], other["gridPos"]
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above, (one["title"], other["title"])


@each_dashboard
def test_every_source_is_the_variable(file: Path) -> None:
    dashboard = load(file)
    names = [variable["name"] for variable in dashboard["templating"]["list"]]
    assert names[0] == "datasource"
    assert len(set(names)) == len(names)
    used = [panel["datasource"] for panel in _panels(file)]
    used += [target["datasource"] for panel in _panels(file) for target in panel["targets"]]
    used += [one["datasource"] for one in dashboard["templating"]["list"] if one["type"] == "query"]
    assert {(source["type"], source["uid"]) for source in used} == {("prometheus", "${datasource}")}


@each_dashboard
def test_every_panel_says_what_it_shows(file: Path) -> None:
    for panel in _panels(file):
        assert panel["title"]
        assert panel["description"].endswith(".")
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs) > 0


def test_the_dashboards_do_not_share_an_address() -> None:
    addresses = [load(file)["uid"] for file in FILES]
    assert len(set(addresses)) == len(addresses) == 4
    assert all(8 <= len(address) <= 40 for address in addresses)


def test_exemplars_lead_to_a_source_that_is_provisioned() -> None:
    sources = yaml.safe_load((PROVISIONING / "datasources" / "groundhog.yaml").read_text("utf-8"))["datasources"]
    by_uid = {source["uid"]: source for source in sources}
    (prometheus,) = (source for source in sources if source["type"] == "prometheus")
    inside, page = prometheus["jsonData"]["exemplarTraceIdDestinations"]
    assert by_uid[inside["datasourceUid"]]["type"] == "jaeger"
    # Grafana replaces ${…} in these files by variables of the environment, and $$ by a single $.
    assert page["url"].endswith("/trace/$${__value.raw}")
    assert inside["name"] == page["name"] == "trace_id"


def test_the_provider_reads_the_folder_that_compose_mounts() -> None:
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "groundhog.yaml").read_text("utf-8"))["providers"]
    mounts = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in mounts
