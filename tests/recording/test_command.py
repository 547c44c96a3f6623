"""What a command is started with: its environment is the user's, and ours where that leaves something open."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.recording.command import CommandError, instrumented, recording_environment

INSTRUMENT = str(Path(sysconfig.get_path("scripts")) / "opentelemetry-instrument")


def _made(environ: dict[str, str], **options: Any) -> dict[str, str]:
    given: dict[str, Any] = {"store": Path("/s"), "run": "r", "service": "me", "named": False, "interval_s": None}
    return recording_environment(environ, **{**given, **options})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, "groundhog_file"),
        ({"OTEL_TRACES_EXPORTER": ""}, "groundhog_file"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp,groundhog_file"),
        ({"OTEL_TRACES_EXPORTER": "otlp, groundhog_file"}, "otlp, groundhog_file"),
        ({"OTEL_TRACES_EXPORTER": "none"}, "none"),
    ],
)
def test_exporters_that_the_user_chose_go_on_beside_ours(before: dict[str, str], after: str) -> None:
    assert _made(before)["OTEL_TRACES_EXPORTER"] == after


def test_what_the_user_set_stays_and_the_rest_has_defaults() -> None:
    assert _made({}) == {
        "GROUNDHOG_DIR": "/s",
        "GROUNDHOG_RUN_ID": "r",
        "OTEL_TRACES_EXPORTER": "groundhog_file",
        "OTEL_METRICS_EXPORTER": "groundhog_file",
        "OTEL_SERVICE_NAME": "me",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_METRIC_EXPORT_INTERVAL": "5000",
        "OTEL_PYTHON_GROUNDHOG_RESOURCES": "process,system",
        "OTEL_BSP_SCHEDULE_DELAY": "1000",
    }
    own = {"OTEL_LOGS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "7", "OTEL_TRACES_SAMPLER": "always_off"}
    made = _made(own)
    assert {name: made[name] for name in own} == own
    assert _made(own, interval_s=2.5)["OTEL_METRIC_EXPORT_INTERVAL"] == "2500"


def test_a_name_among_the_resource_attributes_gives_way_only_to_one_asked_for() -> None:
    own = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=theirs,x=y"}
    assert "OTEL_SERVICE_NAME" not in _made(own)
    assert _made(own, named=True)["OTEL_SERVICE_NAME"] == "me"


def test_without_a_store_only_the_exporters_that_the_user_has_are_there() -> None:
    made = _made({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}, store=None)
    assert made["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://c:4317"
    assert made["OTEL_SERVICE_NAME"] == "me"
    assert not {"GROUNDHOG_DIR", "GROUNDHOG_RUN_ID", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"} & made.keys()


def test_a_command_is_put_behind_the_launcher_of_its_environment() -> None:
    made = instrumented([sys.executable, "server.py", "-v"], {}, store=Path("/s"), run="r")
    assert made.words == (INSTRUMENT, sys.executable, "server.py", "-v")
    assert (made.environ["OTEL_SERVICE_NAME"], made.environ["GROUNDHOG_RUN_ID"]) == ("server", "r")
    assert made.problem is None


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "theirs"),
        ({"joins": True}, "server"),
        ({"name": "asked"}, "asked"),
        ({"name": "asked", "joins": True}, "asked"),
    ],
)
def test_what_a_service_is_called(options: dict[str, Any], name: str) -> None:
    made = instrumented([sys.executable, "server.py"], {"OTEL_SERVICE_NAME": "theirs"}, **options)
    assert made.environ["OTEL_SERVICE_NAME"] == name


def test_a_command_of_another_environment_is_its_own_and_the_problem_is_told(tmp_path: Path) -> None:
    foreign = tmp_path / "server"
    foreign.write_text(f"#!{tmp_path}/bin/python\n")
    foreign.chmod(0o755)
    made = instrumented([str(foreign), "-v"], {"PYTHONPATH": "x"}, store=Path("/s"), run="r")
    assert made.words == (str(foreign), "-v")
    assert made.environ == {"PYTHONPATH": "x"}
    assert made.problem is not None
    assert "pip install 'groundhog-otel[tools]'" in made.problem


def test_a_command_that_is_not_there_or_not_executable(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no-such-command is not a command: check its spelling, and PATH") as none:
        instrumented(["no-such-command"], {})
    (tmp_path / "x").touch(mode=0o644)
    with pytest.raises(CommandError, match="is not executable") as other:
        instrumented([str(tmp_path / "x")], {})
    assert (none.value.exists, other.value.exists) == (False, True)


def test_a_file_of_python_is_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "server.py").touch(mode=0o644)
    monkeypatch.chdir(tmp_path)
    for name in ("server.py", str(tmp_path / "server.py")):
        with pytest.raises(CommandError, match=f"{name} is a file of Python, not a command: write python {name}"):
            instrumented([name], {})
