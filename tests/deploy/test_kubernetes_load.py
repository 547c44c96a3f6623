"""The Indexed Job of a load test, without a cluster: the very command and environment of each of its pods.

Whether an API server takes the manifest is looked at in test_kubernetes.py. Here a pod is a process.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hdrh.histogram import HdrHistogram

from groundhog_otel.load.results import files as result_files
from groundhog_otel.load.results.result import LoadResult
from tests.load.steady_server import serving
from tests.support.processes import ROOT

pytestmark = pytest.mark.timeout(300)

HERE = ROOT / "deploy" / "kubernetes" / "load"
GROUNDHOG = str(Path(sys.executable).parent / "groundhog")


def job() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((HERE / "job.yaml").read_text("utf-8"))
    return found


def run_env(**changes: str) -> dict[str, str]:
    """Return the ConfigMap that kustomize makes of run.env, as somebody has edited it."""
    lines = (HERE / "run.env").read_text("utf-8").splitlines()
    found = dict(line.split("=", 1) for line in lines)
    assert changes.keys() <= found.keys()
    return {**found, **changes}


def pods(configuration: dict[str, str]) -> list[tuple[list[str], dict[str, str]]]:
    """Return the command and the environment of each pod, as kubelet makes them of the Job."""
    spec = job()["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert spec["completionMode"] == "Indexed"
    assert container["envFrom"] == [{"configMapRef": {"name": "run"}}]
    labels = {"batch.kubernetes.io/controller-uid": "0b4a7a52-5f0e-4a6f-8d59-b5b3a1d2c3e4"}
    made = []
    for index in range(spec["completions"]):
        environ = {**configuration, "JOB_COMPLETION_INDEX": str(index)}
        for one in container["env"]:
            if "value" in one:
                environ[one["name"]] = expanded(one["value"], environ)
            else:
                label = re.fullmatch(r"metadata\.labels\['(.+)'\]", one["valueFrom"]["fieldRef"]["fieldPath"])
                assert label is not None
                environ[one["name"]] = labels[label[1]]
        made.append(([GROUNDHOG, *(expanded(one, environ) for one in container["args"])], environ))
    return made


def expanded(text: str, environ: dict[str, str]) -> str:
    return re.sub(r"\$\((\w+)\)", lambda found: environ[found[1]], text)


def total(results: list[LoadResult], which: str) -> Counter[int]:
    """Return the latencies of some results, by bucket: counted one by one, without our own merging."""
    counts: Counter[int] = Counter()
    for result in results:
        for operation in result.operations:
            for item in HdrHistogram.decode(getattr(operation, which)).get_recorded_iterator():
                counts[item.value_iterated_to] += item.count_added_in_this_iter_step
    return counts


def due(result: LoadResult) -> list[int]:
    return [window.due for window in result.windows if window.due]


def test_the_jobs_parts_are_exactly_the_test_of_one_process(tmp_path: Path) -> None:
    given = {
        "ARRIVALS": "poisson:60/s",
        "USERS": "8",
        "WARM_UP": "1s",
        "DURATION": "4s",
        "SEED": "7",
        "TELEMETRY": "none",
    }
    began_s = time.monotonic()
    with serving(tmp_path / "one") as one:
        command = [GROUNDHOG, "load", one, "--arrivals=poisson:60/s", "--users=8", "--warm-up=1s", "--duration=4s"]
        single = subprocess.run(
            [*command, "--seed=7", "--telemetry=none", "--out", tmp_path / "one.json"],
            env={"PATH": os.environ["PATH"]},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    # As somebody who knows their cluster chooses it: late enough for all of them to have started, on one machine
    # one after the other. The test itself has taken five seconds of it.
    start_s = 5 + len(pods(run_env())) * (time.monotonic() - began_s - 5)
    begin_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + start_s))
    with serving(tmp_path / "many") as many:
        running = [
            subprocess.Popen(
                command,
                env={"PATH": os.environ["PATH"], **environ},
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,  # a pod's log is both
                text=True,
            )
            for command, environ in pods(run_env(**given, URL=many, BEGIN_AT=begin_at))
        ]
        logs = [process.communicate(timeout=start_s + 60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 4, logs
    merging = subprocess.run(
        [GROUNDHOG, "load", "merge", "--telemetry", "none", "--out", tmp_path / "many.json", "--json"],
        input="".join(logs),
        capture_output=True,
        text=True,
        check=False,
    )
    assert merging.stdout, (merging.stderr, single.stderr)
    whole, alone = result_files.read(tmp_path / "many.json"), result_files.read(tmp_path / "one.json")

    assert whole.run_id == "load-0b4a7a52-5f0e-4a6f-8d59-b5b3a1d2c3e4"
    assert (whole.workers, whole.shares, whole.connections_peak) == (4, 4, 8)
    assert whole.begun_apart_s < 0.1  # of one clock, and each says when it was to begin
    assert whole.interrupted is None
    # The same rounds, each at its own time, with its own arguments.
    assert whole.config == alone.config
    assert {each.name: each.count for each in whole.operations} == {each.name: each.count for each in alone.operations}
    assert sum(each.count for each in whole.operations) > 150
    assert due(whole) == due(alone)
    called = [Counter((tmp_path / name).read_text("utf-8").splitlines()) for name in ("many", "one")]
    assert called[0] == called[1]
    assert len(called[0]) > 5
    # Nothing was lost on the way: not in the line of a log, not in merging.
    parts = [result_files.loads(line) for log in logs for line in log.splitlines() if line.startswith("{")]
    assert len(parts) == 4
    assert sorted(part.self_checks[0].worker for part in parts) == [0, 1, 2, 3]
    assert all(part.operations[0].count > 0 for part in parts)
    for which in ("response", "service"):
        assert total([whole], which) == total(parts, which)


def test_a_pod_that_is_missing_is_missed(tmp_path: Path) -> None:
    with serving(tmp_path / "calls") as url:
        given = run_env(ARRIVALS="20/s", USERS="4", WARM_UP="0s", DURATION="1s", TELEMETRY="none", URL=url)
        command, environ = pods(given)[2]
        done = subprocess.run(
            command,
            env={"PATH": os.environ["PATH"], **environ},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    merging = subprocess.run(
        [GROUNDHOG, "load", "merge", "--telemetry", "none", "--json"],
        input=done.stdout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert merging.returncode == 4
    said = json.loads(merging.stdout)
    assert "of its parts, 1/4, 2/4, 4/4 are missing" in json.dumps(said)


def test_without_its_server_a_pod_says_one_sentence(tmp_path: Path) -> None:
    command, environ = pods(run_env(URL="http://127.0.0.1:9/mcp", TELEMETRY="none"))[0]
    done = subprocess.run(
        command, env={"PATH": os.environ["PATH"], **environ}, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("groundhog: Nothing listens at http://127.0.0.1:9/mcp")
    assert "Traceback" not in done.stderr


def test_the_dockerfile_copies_what_there_is_and_has_uv_as_the_makefile_does() -> None:
    text = (HERE / "Dockerfile").read_text("utf-8")
    for line in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE):
        assert all((ROOT / name).exists() for name in line.split()[:-1]), line
    (makefile,) = set(re.findall(r"'uv==(\S+)'", (ROOT / "Makefile").read_text("utf-8")))
    assert set(re.findall(r"uv==(\S+)", text)) == {makefile}


@pytest.mark.slow
def test_what_the_image_is_made_of_runs(tmp_path: Path) -> None:
    """Without Docker: the Dockerfile's own command, in a copy of what it copies."""
    text = (HERE / "Dockerfile").read_text("utf-8")
    for names in re.findall(r"^COPY (?!--)(.*)$", text, re.MULTILINE):
        *sources, target = names.split()
        for name in sources:
            folder = tmp_path / target.strip("/")
            folder.mkdir(parents=True, exist_ok=True)
            copied = folder / name if len(sources) > 1 else folder
            subprocess.run(["cp", "-r", f"{ROOT / name}{'/.' if len(sources) == 1 else ''}", copied], check=True)
    (command,) = re.findall(r"^RUN (.*uv sync.*)$", text, re.MULTILINE)
    here = command.replace("=/groundhog", f"={tmp_path}/groundhog").replace("/source", f"{tmp_path}/source")
    tools = ROOT / ".venv-uv" / "bin"
    subprocess.run(["sh", "-c", here], env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}, check=True)
    with serving(tmp_path / "calls") as url:
        done = subprocess.run(
            [tmp_path / "groundhog" / "bin" / "groundhog", "load", "--worker=1/2", "--users=2", "--out=-",
             "--duration=1s", "--telemetry=none", url],
            env={"PATH": "/nowhere"}, cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert result_files.loads(done.stdout).operations[0].count > 0
