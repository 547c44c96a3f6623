"""``deploy/compose.yaml`` without Docker: the programs that we build, started as it has it in one network namespace.

The images are not tested here, nor is Grafana.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.dashboards.test_compose import DEPLOY, SERVICES
from tests.e2e.conftest import say

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

PROGRAMS = {
    "jaeger": "jaeger",
    "alertmanager": "alertmanager",
    "prometheus": "prometheus",
    "collector": "groundhog-collector",
}
GIVEN = {"GROUNDHOG_FLUSH": "1s", "GROUNDHOG_SHARE_PERCENT": "0"}
"""What a user has set."""
NAMESPACE = ["unshare", "--net", "--map-root-user"]


def _interpolated(text: str) -> str:
    """Do as Compose does with ``${NAME:-default}``."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: GIVEN.get(match[1]) or match[2], text)


def _environment(service: Mapping[str, Any]) -> dict[str, str]:
    """Return a service's variables; one without a value is the user's own, where there is one."""
    named = {
        name: GIVEN.get(name) if value is None else value for name, value in service.get("environment", {}).items()
    }
    return {name: _interpolated(value) for name, value in named.items() if value is not None}


def _places(service: Mapping[str, Any], scratch: Path) -> dict[str, str]:
    """Return where this machine has what a container has at a path."""
    found = {}
    for text in service.get("volumes", ()):
        source, target = _interpolated(text).split(":")[:2]
        found[target] = str(DEPLOY / source) if source.startswith(".") else str(scratch / source)
    return found


def _here(text: str, places: Mapping[str, str]) -> str:
    for target, place in places.items():
        text = re.sub(rf"(^|=){re.escape(target)}(?=$|/)", rf"\g<1>{place}", text)
    return text


@pytest.mark.skipif(
    sys.platform != "linux"
    or not all(map(shutil.which, ("unshare", "ip", "ss")))
    or subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode != 0,
    reason="no network namespace can be made here",
)
def test_its_commands_and_variables_make_the_stack_work(settings: StackSettings, tmp_path: Path) -> None:
    built = Stack(settings, say=say).build()
    parts: dict[str, dict[str, Any]] = {}
    for name, program in PROGRAMS.items():
        service = SERVICES[name]
        places = _places(service, tmp_path)
        health = service["healthcheck"]["test"][-1] if "healthcheck" in service else "http://127.0.0.1:13133"
        parts[name] = {
            "command": [str(built[program]), *(_here(_interpolated(word), places) for word in service["command"])],
            "environment": {key: _here(value, places) for key, value in _environment(service).items()},
            "health": health,
        }
    assert parts["collector"]["environment"]["GROUNDHOG_SHARE_PERCENT"] == "0"
    done = subprocess.run(
        [*NAMESPACE, sys.executable, "-I", str(Path(__file__).with_name("compose_program.py"))],
        input=json.dumps({"parts": parts, "query": 'mcp_span_calls_total{service_name="composed"}'}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    logs = {log.name: log.read_text("utf-8")[-2000:] for log in tmp_path.glob("*.log")}
    assert done.returncode == 0, (done.stderr, logs)
    found = json.loads(done.stdout)
    assert found["operation"] == "tools/call slow"
    assert float(found["value"]) == 1
    assert found["managers"] == 1
    assert found["monitor"] is None
    beyond = {int(one.rsplit(":", 1)[1]) for one in found["listening"] if not one.startswith(("127.0.0.1:", "[::1]:"))}
    published = {int(text.rsplit(":", 1)[1]) for text in SERVICES["network"]["ports"]}
    assert beyond == published - {3000}, "what listens beyond loopback is what is published"
