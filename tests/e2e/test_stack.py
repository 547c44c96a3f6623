"""The stack as a user meets it: built, started, looked at, broken, stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

import psutil
import pytest

from groundhog_otel.pipeline import StackError
from groundhog_otel.pipeline.builds import Programs
from groundhog_otel.pipeline.logs import said_at
from groundhog_otel.pipeline.parts import PARTS
from groundhog_otel.pipeline.processes import is_alive, load
from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings, port_variable
from tests.e2e.conftest import FAST_DECISIONS, RunningStack, Webhook, eventually, free_ports, say
from tests.support.recorded import span, traces_line

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def programs(settings: StackSettings) -> Programs:
    return Stack(settings, say=say).build()


@pytest.fixture
def own(settings: StackSettings, tmp_path: Path) -> StackSettings:
    """Settings for a stack beside the shared one."""
    return settings._replace(state=tmp_path / "state", ports=free_ports())


def _environment(own: StackSettings) -> dict[str, str]:
    return {
        **os.environ,
        "GROUNDHOG_STATE_DIR": str(own.state),
        "GROUNDHOG_CACHE_DIR": str(own.cache),
        **{port_variable(name): str(port) for name, port in own.ports.items()},
    }


def _command(*words: str) -> list[str]:
    return [str(Path(sys.executable).parent / "groundhog"), "stack", *words]


def _groundhog(own: StackSettings, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**_environment(own), **variables}
    return subprocess.run(
        _command(*words), env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def _check(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_collector_accepts_its_configuration(programs: Programs) -> None:
    _check(programs["groundhog-collector"], "validate", "--config", ROOT / "otel-config.yaml")


def test_a_wrong_value_in_it_is_refused_by_name(programs: Programs) -> None:
    done = subprocess.run(
        [programs["groundhog-collector"], "validate", "--config", ROOT / "otel-config.yaml"],
        env={**os.environ, "GROUNDHOG_SHARE_PERCENT": "lots"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "sampling_percentage" in done.stderr


def test_the_configuration_and_its_rules_are_accepted(programs: Programs) -> None:
    """That the rules hold what they promise is proved in test_alerts.py."""
    _check(programs["promtool"], "check", "config", ROOT / "deploy" / "prometheus" / "prometheus.yml")


def test_up_status_up_again_down(own: StackSettings, programs: Programs) -> None:
    try:
        first = _groundhog(own, "up")
        assert first.returncode == 0, first.stderr
        for port in ("otlp_grpc", "otlp_http", "jaeger_query", "prometheus", "alertmanager"):
            assert str(own.ports[port]) in first.stdout
        status = _groundhog(own, "status")
        assert status.returncode == 0
        assert status.stdout.count("healthy") == len(PARTS)
        processes = load(own.state / "stack.json")
        again = _groundhog(own, "up")
        assert again.returncode == 0
        assert load(own.state / "stack.json") == processes, "a second start restarted something"
    finally:
        down = _groundhog(own, "down")
    assert down.returncode == 0
    assert not any(is_alive(one) for one in processes)
    assert _groundhog(own, "down").stdout == "Nothing was running\n"
    assert _groundhog(own, "status").returncode == 1


def test_other_settings_reach_a_running_stack_and_restart_only_whom_they_concern(
    own: StackSettings, programs: Programs
) -> None:
    moved = own._replace(ports={**own.ports, "prometheus": free_ports()["prometheus"]})
    proxy = {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
    try:
        assert _groundhog(own, "up", **proxy).returncode == 0
        before = {one.name: one for one in load(own.state / "stack.json")}
        done = _groundhog(moved, "up", **proxy)
        assert done.returncode == 0, done.stderr
        after = {one.name: one for one in load(own.state / "stack.json")}
        # Jaeger asks Prometheus for what its Monitor tab shows, the relay for exemplars.
        assert {name for name in before if before[name].pid != after[name].pid} == {"Jaeger", "Prometheus", "Relay"}
        assert f":{moved.ports['prometheus']}" in done.stdout
        assert f":{own.ports['prometheus']}" not in done.stdout
        status = _groundhog(own, "status")  # whatever its own environment says of the ports
        assert f":{moved.ports['prometheus']}" in status.stdout
        assert status.returncode == 0
        failed = _groundhog(moved, "up", GROUNDHOG_SHARE_PERCENT="lots")
        assert failed.returncode == 1
        assert "sampling_percentage" in failed.stderr
        assert "Collector runs again as before" in failed.stderr
        left = {one.name: one for one in load(own.state / "stack.json")}
        assert {name for name in left if left[name].pid != after[name].pid} == {"Collector"}
        assert left["Collector"].recipe == after["Collector"].recipe
        assert _groundhog(moved, "status").returncode == 0
        assert _groundhog(moved, "up").returncode == 0
        now = {one.name: one for one in load(own.state / "stack.json")}
        assert now == left, "what came back is not what was there"
    finally:
        _groundhog(own, "down")


def test_a_jaeger_of_the_users_own_is_started_in_place_of_ours(
    own: StackSettings, programs: Programs, tmp_path: Path
) -> None:
    theirs = tmp_path / "their-jaeger"
    theirs.symlink_to(programs["jaeger"])
    try:
        done = _groundhog(own, "up", GROUNDHOG_JAEGER_BIN=str(theirs))
        assert done.returncode == 0, done.stderr
        assert f"http://127.0.0.1:{own.ports['jaeger_query']} (Jaeger)" in done.stdout
        jaeger = next(one for one in load(own.state / "stack.json") if one.name == "Jaeger")
        assert psutil.Process(jaeger.pid).cmdline()[0] == str(theirs)
    finally:
        _groundhog(own, "down")


def test_all_addresses_are_on_loopback_at_ports_that_can_be_chosen(running_stack: RunningStack) -> None:
    listening = set()
    for one in load(running_stack.stack.settings.state / "stack.json"):
        for connection in psutil.Process(one.pid).net_connections():
            on_udp = connection.type == socket.SOCK_DGRAM and not connection.raddr
            if on_udp or connection.status == psutil.CONN_LISTEN:
                assert connection.laddr[0] in ("127.0.0.1", "::1"), (one.name, connection.laddr)
                listening.add(connection.laddr[1])
    assert listening == set(running_stack.ports.values())


def test_a_busy_port_is_one_line_and_nothing_is_started(own: StackSettings, programs: Programs) -> None:
    with socket.create_server(("127.0.0.1", own.ports["prometheus"])):
        done = _groundhog(own, "up")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line]
    assert f"port {own.ports['prometheus']} (prometheus) is taken" in line
    assert port_variable("prometheus") in line
    assert str(os.getpid()) in line
    assert not load(own.state / "stack.json")


def test_a_dead_part_is_noticed_at_once_said_and_the_next_up_mends_it(own: StackSettings, programs: Programs) -> None:
    told_by_up: list[str] = []
    stack = Stack(own, say=told_by_up.append)
    stack.up()
    try:
        with _watching(own) as watching:
            jaeger = next(one for one in load(own.state / "stack.json") if one.name == "Jaeger")
            os.kill(jaeger.pid, signal.SIGKILL)
            _, told = watching.communicate(timeout=30)
        assert watching.returncode == 1
        assert re.search(r"^Jaeger died at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(SIGKILL\): .*jaeger\.log", told, re.M)
        said = _groundhog(own, "status")
        assert said.returncode == 1
        assert re.search(r"^Jaeger +died at .* \(SIGKILL\)", said.stdout, re.MULTILINE)
        (died, *others) = json.loads(_groundhog(own, "status", "--json").stdout)["parts"]
        assert (died["pid"], died["healthy"], died["died"]["signal"]) == (None, False, "SIGKILL")
        assert all(one["healthy"] and one["died"] is None for one in others)
        before = {one.name: one.pid for one in load(own.state / "stack.json") if one.name != "Jaeger"}
        told_by_up.clear()
        assert all(part.healthy for part in stack.up())
        assert re.fullmatch(r"Jaeger died at .* \(SIGKILL\): .*; starting it again", told_by_up[0])
        assert before.items() <= {one.name: one.pid for one in load(own.state / "stack.json")}.items()
    finally:
        stack.down()


@contextmanager
def _watching(own: StackSettings) -> Iterator[subprocess.Popen[str]]:
    """Yield a `groundhog stack watch` that has begun; it ends here at the latest, also where an assertion fails."""
    with subprocess.Popen(
        _command("watch"), env=_environment(own), cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("Watching")
            yield process
        finally:
            process.kill()


def _post_a_slow_call(own: StackSettings, trace_id: str) -> None:
    now = time.time_ns()
    one = span(ms=80, trace=int(trace_id, 16), kind="server")
    body = traces_line(replace(one, start_ns=now - 80_000_000, end_ns=now)).encode()
    url = f"http://127.0.0.1:{own.ports['otlp_http']}/v1/traces"
    urlopen(Request(url, data=body, headers={"Content-Type": "application/json"}), timeout=10).close()


def test_a_part_is_restarted_alone_and_traces_survive_that_of_jaeger_even_after_kill_9(
    own: StackSettings, programs: Programs
) -> None:
    stack = Stack(own, say=say, environment=FAST_DECISIONS)
    stack.up()
    seen = RunningStack(stack, Webhook(""))
    try:
        _post_a_slow_call(own, "1" * 32)
        eventually(lambda: seen.trace("1" * 32), within_s=30, what="the trace in Jaeger")
        before = {one.name: one for one in load(own.state / "stack.json")}
        with _watching(own) as watching:
            done = _groundhog(own._replace(ports=free_ports()), "restart", "jaeger")  # whatever the environment says
            assert done.returncode == 0, done.stderr
            assert "Jaeger has stopped" in done.stderr
            after = {one.name: one for one in load(own.state / "stack.json")}
            assert {name for name in before if before[name].pid != after[name].pid} == {"Jaeger"}
            assert after["Jaeger"].address == before["Jaeger"].address
            assert seen.trace("1" * 32), "the restart has lost a trace"
            _post_a_slow_call(own, "2" * 32)
            eventually(lambda: seen.trace("2" * 32), within_s=30, what="a later trace in Jaeger")
            assert watching.poll() is None, "a restart was taken for a death"
            watching.send_signal(signal.SIGINT)
            watching.communicate(timeout=30)
        assert watching.returncode == 130
        os.kill(after["Jaeger"].pid, signal.SIGKILL)
        eventually(lambda: not is_alive(after["Jaeger"]), within_s=10, what="the end of Jaeger")
        again = _groundhog(own, "restart", "Jaeger")
        assert again.returncode == 0, again.stderr
        assert re.search(r"^Jaeger died at .* \(SIGKILL\)", again.stderr, re.MULTILINE)
        assert seen.trace("1" * 32)
        assert seen.trace("2" * 32)
        with _watching(own) as watching:
            assert _groundhog(own, "down").returncode == 0
            _, told = watching.communicate(timeout=30)
        assert (watching.returncode, "The stack was stopped" in told) == (0, True)
    finally:
        stack.down()
    never = _groundhog(own, "restart", "jaeger")
    assert (never.returncode, never.stderr) == (1, "groundhog: Jaeger was not started: groundhog stack up\n")


def test_logs_of_all_parts_or_one_and_on_through_a_restart(own: StackSettings, programs: Programs) -> None:
    stack = Stack(own, say=say)
    stack.up()
    try:
        every = _groundhog(own, "logs", "--lines", "3").stdout.splitlines()
        names = [line.split("|")[0].strip() for line in every]
        # The relay has nothing to say but that it has begun.
        expected = {part.name: 1 if part.name == "Relay" else 3 for part in PARTS}
        assert {name: names.count(name) for name in names} == expected
        times = [said_at(line.split("| ", 1)[1]) for line in every]
        assert all(times)
        assert times == sorted(times, key=lambda at: at or 0)
        follow = subprocess.Popen(
            _command("logs", "alertmanager", "--follow", "-n", "1"),
            env=_environment(own), cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with follow:
            assert follow.stdout is not None
            assert follow.stdout.readline().startswith("Alertmanager | ")
            stack.restart("Alertmanager")
            while "Starting Alertmanager" not in (line := follow.stdout.readline()):
                assert line.startswith("Alertmanager | ")
            follow.terminate()
    finally:
        stack.down()


def test_a_part_that_cannot_start_is_one_line_and_the_others_are_stopped(
    own: StackSettings, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = Stack(own, say=say, environment={"GROUNDHOG_SHARE_PERCENT": "lots"})
    with pytest.raises(StackError, match=r"Collector died at .* \(exit code 1\): .*sampling_percentage") as caught:
        stack.up()
    assert "\n" not in str(caught.value)
    assert not load(own.state / "stack.json")
    for name in ("prometheus", "jaeger_query", "alertmanager"):
        with socket.create_server(("127.0.0.1", own.ports[name])):
            pass


def test_a_program_that_was_tampered_with_is_built_again_and_old_builds_are_removed(
    own: StackSettings, programs: Programs, tmp_path: Path
) -> None:
    """In a copy of the cache, with the Collector's 40 MB built again from a warm Go cache."""
    import shutil

    cache = tmp_path / "cache"
    shutil.copytree(own.cache / "bin", cache / "bin")
    copied = cache / programs["groundhog-collector"].relative_to(own.cache)
    with copied.open("ab") as stream:
        stream.write(b"x")
    said: list[str] = []
    built = Stack(own._replace(cache=cache), say=said.append).build()
    assert any("is not what was built" in line for line in said)
    assert built["groundhog-collector"].read_bytes() == programs["groundhog-collector"].read_bytes(), "not reproducible"
    old = cache / "bin" / "collector-0000000000000000"
    old.mkdir()
    pruned = _groundhog(own._replace(cache=cache), "build", "--prune")
    assert pruned.returncode == 0, pruned.stderr
    assert f"Removed {old} (0 MiB)" in pruned.stdout
    assert {folder.name for folder in (cache / "bin").iterdir()} == {path.parent.name for path in built.values()}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"garbage", "application/x-protobuf", 400),
        (b'{"resourceSpans": [', "application/json", 400),
        (b"x", "text/plain", 415),
    ],
)
def test_malformed_telemetry_is_refused_and_costs_nothing(
    body: bytes, kind: str, status: int, running_stack: RunningStack
) -> None:
    url = f"http://127.0.0.1:{running_stack.ports['otlp_http']}/v1/traces"
    request = Request(url, data=body, headers={"Content-Type": kind})
    with pytest.raises(Exception, match=str(status)):
        urlopen(request, timeout=10)
    assert all(part.healthy for part in running_stack.stack.status())


def test_down_gives_every_part_time_to_write(own: StackSettings, programs: Programs) -> None:
    stack = Stack(own, say=say)
    stack.up()
    started = time.monotonic()
    assert sorted(stack.down()) == sorted(part.name for part in PARTS)
    assert time.monotonic() - started < 30
    log = (own.state / "logs" / "collector.log").read_text()
    assert "Shutdown complete" in log
