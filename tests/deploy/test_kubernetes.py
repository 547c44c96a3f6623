"""The Kubernetes manifests: what an API server would say of their form, and what their parts say of one another.

No Kubernetes runs here. Kustomize is its own library, the built-in kinds are the Go types of the API, and the
Operator's kinds are looked at by the schemas of its release, with the API server's own validator.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundhog_otel.pipeline.builds import Module, build_all
from groundhog_otel.pipeline.toolchain import find_go
from groundhog_otel.settings.stack import StackSettings
from tests.support.processes import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

Object = dict[str, Any]
KUBERNETES = ROOT / "deploy" / "kubernetes"
TIERS = ["base", "overlays/dns", "overlays/kafka", "overlays/remote-write"]
FOLDERS = [*TIERS, "operator", "load"]
CHECKER = Module("Kubernetes checker", "tests/support/kubernetes", (("kubernetes", "."),))
OPERATOR, OPERATOR_SUM = (
    "github.com/open-telemetry/opentelemetry-operator@v0.142.0",
    "h1:fUESg6jGVe+3VbZAvkvHpeZtj+dUrYBWJ043pGlp4cI=",
)


@pytest.fixture(scope="session")
def checker(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that builds and looks, with the schemas of the Operator's custom kinds."""
    settings, _ = StackSettings.from_environ()
    program = build_all(ROOT, settings.cache, print, modules=[CHECKER])["kubernetes"]
    done = subprocess.run(
        [str(find_go(ROOT, settings.cache, print)), "mod", "download", "-json", OPERATOR],
        cwd=tmp_path_factory.mktemp("download"),
        env={**os.environ, "GOFLAGS": "-mod=mod"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert found.get("Sum") == OPERATOR_SUM, found
    return [str(program), str(Path(found["Dir"]) / "config" / "crd" / "bases")]


def _look(checker: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*checker, str(folder)], capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def built(checker: list[str]) -> dict[str, list[Object]]:
    found = {}
    for folder in FOLDERS:
        done = _look(checker, KUBERNETES / folder)
        assert done.returncode == 0, done.stderr
        found[folder] = json.loads(done.stdout)
    return found


def _named(objects: list[Object], kind: str) -> dict[str, Object]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def _workloads(objects: list[Object]) -> Iterator[tuple[Object, Object]]:
    """Yield each workload and its one container."""
    for one in objects:
        if one["kind"] in {"Deployment", "StatefulSet"}:
            (container,) = one["spec"]["template"]["spec"]["containers"]
            yield one, container


def _environment(container: Object) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in container["env"]}


@pytest.mark.parametrize(
    ("file", "mistake", "said"),
    [
        ("base/sampler.yaml", ("serviceName: sampler", "serviceNme: sampler"), "serviceNme"),
        ("base/balancer.yaml", ("replicas: 2", "replicas: two"), "replicas"),
        ("load/job.yaml", ("completionMode: Indexed", "completionMod: Indexed"), "completionMod"),
        ("operator/instrumentation.yaml", ("type: parentbased_always_on", "type: sometimes"), "spec.sampler.type"),
        ("operator/agent.yaml", ("mode: daemonset", "mode: everywhere"), "spec.mode"),
        ("operator/agent.yaml", ("mode: daemonset", "mde: daemonset"), "spec.mde"),
    ],
)
def test_the_checker_sees_a_mistake(
    checker: list[str], tmp_path: Path, file: str, mistake: tuple[str, str], said: str
) -> None:
    text = (KUBERNETES / file).read_text("utf-8")
    assert mistake[0] in text
    (tmp_path / "one.yaml").write_text(text.replace(*mistake), "utf-8")
    (tmp_path / "kustomization.yaml").write_text("resources: [one.yaml]\n", "utf-8")
    done = _look(checker, tmp_path)
    assert done.returncode == 1
    assert said in done.stderr


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_is_built_and_every_object_valid(built: dict[str, list[Object]], folder: str) -> None:
    assert built[folder]


@pytest.mark.parametrize("folder", TIERS)
def test_the_configuration_is_the_repositorys_own(built: dict[str, list[Object]], folder: str) -> None:
    (config,) = _named(built[folder], "ConfigMap").values()
    for name, text in config["data"].items():
        source = ROOT / name if name == "otel-config.yaml" else ROOT / "collector" / "overlays" / name
        assert text == source.read_text("utf-8")
    for workload, container in _workloads(built[folder]):
        volumes = workload["spec"]["template"]["spec"]["volumes"]
        assert config["metadata"]["name"] in [one["configMap"]["name"] for one in volumes if "configMap" in one]
        files = [re.sub("^--config=/etc/groundhog/", "", one) for one in container["args"]]
        assert set(files) <= set(config["data"]), "an argument names a file that is not mounted"
        assert files[0] == "otel-config.yaml"
        variables = {one for name in files for one in re.findall(r"\$\{env:(\w+)", config["data"][name])}
        assert set(_environment(container)) - {"POD_IP", "GOMEMLIMIT"} <= variables, "a variable that nothing reads"


@pytest.mark.parametrize("folder", TIERS)
def test_pods_are_confined_and_watched(built: dict[str, list[Object]], folder: str) -> None:
    for workload, container in _workloads(built[folder]):
        pod = workload["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        ports = {one["name"]: one["containerPort"] for one in container["ports"]}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["port"] == "health"
        environment = _environment(container)
        assert environment["GROUNDHOG_HEALTH"] == f"$(POD_IP):{ports['health']}"
        assert environment["GROUNDHOG_PROMETHEUS_EXPORTER"] == f"$(POD_IP):{ports['metrics']}"


@pytest.mark.parametrize("folder", TIERS)
def test_the_collector_ends_its_growth_before_the_kernel_ends_the_collector(
    built: dict[str, list[Object]], folder: str
) -> None:
    for _, container in _workloads(built[folder]):
        environment = _environment(container)
        assert environment["GOMEMLIMIT"] == f"{environment['GROUNDHOG_MEMORY_MIB']}MiB"
        limit = re.fullmatch(r"(\d+)Gi", container["resources"]["limits"]["memory"])
        assert limit is not None
        assert int(limit[1]) * 1024 >= 1.3 * int(environment["GROUNDHOG_MEMORY_MIB"])


def test_the_balancers_know_every_sampler_by_the_name_that_outlives_it(built: dict[str, list[Object]]) -> None:
    objects = built["base"]
    samplers, service = _named(objects, "StatefulSet")["sampler"], _named(objects, "Service")["sampler"]
    assert service["spec"]["clusterIP"] == "None"
    assert samplers["spec"]["serviceName"] == service["metadata"]["name"]
    (port,) = service["spec"]["ports"]
    (_, balancer), _ = _workloads(objects)
    assert json.loads(_environment(balancer)["GROUNDHOG_SAMPLERS"]) == [
        f"sampler-{number}.sampler:{port['port']}" for number in range(samplers["spec"]["replicas"])
    ]


@pytest.mark.parametrize("kind", ["Service", "NetworkPolicy", "PodDisruptionBudget"])
def test_whatever_selects_pods_finds_them(built: dict[str, list[Object]], kind: str) -> None:
    labels = [workload["spec"]["template"]["metadata"]["labels"] for workload, _ in _workloads(built["base"])]
    for one in _named(built["base"], kind).values():
        selector = one["spec"].get("selector") or one["spec"]["podSelector"]
        wanted = selector.get("matchLabels", selector)
        assert any(wanted.items() <= has.items() for has in labels), one["metadata"]["name"]


def test_the_queue_is_on_a_volume_of_the_samplers_own(built: dict[str, list[Object]]) -> None:
    samplers = _named(built["base"], "StatefulSet")["sampler"]
    (claim,) = samplers["spec"]["volumeClaimTemplates"]
    (_, container) = next(one for one in _workloads(built["base"]) if one[0] is samplers)
    mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert mounts[claim["metadata"]["name"]] == _environment(container)["GROUNDHOG_COLLECTOR_STATE"]


def test_with_remote_write_nothing_is_scraped_as_well(built: dict[str, list[Object]]) -> None:
    for workload, container in _workloads(built["overlays/remote-write"]):
        assert container["args"][-1] == "--config=/etc/groundhog/remote-write.yaml"
        assert workload["spec"]["template"]["metadata"]["annotations"]["prometheus.io/scrape"] == "false"


def test_the_load_has_as_many_pods_at_once_as_its_workers_count(built: dict[str, list[Object]]) -> None:
    """However many that are: the number is said once, and kustomize writes it wherever it is wanted."""
    job = _named(built["load"], "Job")["load"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == 4
    assert container["args"][1] == "--worker=job/4"
    assert job["spec"]["backoffLimitPerIndex"] == 0
    assert "backoffLimit" not in job["spec"]
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_the_load_can_be_of_more_workers(checker: list[str], tmp_path: Path) -> None:
    for file in (KUBERNETES / "load").iterdir():
        text = file.read_text("utf-8")
        (tmp_path / file.name).write_text(text.replace("completions: 4", "completions: 12"), "utf-8")
    done = _look(checker, tmp_path)
    assert done.returncode == 0, done.stderr
    job = _named(json.loads(done.stdout), "Job")["load"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert (job["spec"]["parallelism"], container["args"][1]) == (12, "--worker=job/12")


def test_every_setting_of_the_load_is_there(built: dict[str, list[Object]]) -> None:
    (configuration,) = _named(built["load"], "ConfigMap").values()
    job = _named(built["load"], "Job")["load"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"configMapRef": {"name": configuration["metadata"]["name"]}}]
    wanted = {name for one in container["args"] for name in re.findall(r"\$\((\w+)\)", one)}
    assert wanted | {"OTEL_EXPORTER_OTLP_ENDPOINT"} == set(configuration["data"])
    (namespace,) = _named(built["load"], "Namespace").values()
    assert namespace["metadata"]["name"] == job["metadata"]["namespace"] == configuration["metadata"]["namespace"]
    assert job["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["requests"]["cpu"] == "1"
