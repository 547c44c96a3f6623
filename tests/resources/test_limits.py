"""What control groups allow, read from real files of either version, and from whatever else they may hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.resources import limits

_HERE = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


class Groups:
    """A tree of control groups and the membership file beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.membership = folder / "membership"

    def write(self, path: str, text: str) -> None:
        file = self.folder / "cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def cpus(self, membership: str) -> float:
        self.membership.write_text(membership)
        return limits.available_cpus(cgroups=str(self.folder / "cgroup"), membership=str(self.membership))

    def memory(self, membership: str, physical: int) -> int:
        self.membership.write_text(membership)
        return limits.available_memory_bytes(
            physical, cgroups=str(self.folder / "cgroup"), membership=str(self.membership)
        )


@pytest.fixture
def groups(tmp_path: Path) -> Groups:
    return Groups(tmp_path)


def test_version_2_in_a_container(groups: Groups) -> None:
    groups.write("cpu.max", "25000 100000\n")
    groups.write("memory.max", "536870912\n")
    assert groups.cpus("0::/\n") == 0.25
    assert groups.memory("0::/\n", 10**12) == 536870912


def test_version_2_under_systemd_is_bound_by_every_group_above(groups: Groups) -> None:
    groups.write("app.slice/cpu.max", "30000 100000\n")
    groups.write("app.slice/a.service/cpu.max", "max 100000\n")
    groups.write("app.slice/a.service/memory.max", "max\n")
    assert groups.cpus("0::/app.slice/a.service\n") == pytest.approx(0.3)
    assert groups.memory("0::/app.slice/a.service\n", 77) == 77


def test_version_1_with_each_controller_in_its_own_tree(groups: Groups) -> None:
    groups.write("cpu/docker/abc/cpu.cfs_quota_us", "50000\n")
    groups.write("cpu/docker/abc/cpu.cfs_period_us", "100000\n")
    groups.write("memory/docker/abc/memory.limit_in_bytes", "1000000\n")
    groups.write("memory/memory.limit_in_bytes", "9223372036854771712\n")
    membership = "7:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n1:name=systemd:/docker/abc\n"
    assert groups.cpus(membership) == 0.5
    assert groups.memory(membership, 10**12) == 1000000


def test_version_1_seen_from_inside_with_the_path_of_the_outside(groups: Groups) -> None:
    groups.write("cpu/cpu.cfs_quota_us", "10000\n")
    groups.write("cpu/cpu.cfs_period_us", "100000\n")
    assert groups.cpus("1:cpu:/kubepods/pod1/abc\n") == pytest.approx(0.1)


def test_no_quota_and_no_groups_leave_the_affinity(groups: Groups) -> None:
    assert groups.cpus("") == _HERE
    groups.write("cpu/cpu.cfs_quota_us", "-1\n")
    groups.write("cpu/cpu.cfs_period_us", "100000\n")
    assert groups.cpus("1:cpu:/\n") == _HERE


def test_a_quota_above_the_affinity_adds_nothing(groups: Groups) -> None:
    groups.write("cpu.max", "100000000 100000\n")
    assert groups.cpus("0::/\n") == _HERE


def test_a_path_cannot_lead_out_of_the_tree(groups: Groups) -> None:
    (groups.folder / "cpu.max").write_text("1000 100000\n")
    groups.write("cpu.max", "20000 100000\n")
    assert groups.cpus("0::/../..\n") == pytest.approx(0.2)


def test_affinity_is_the_start(groups: Groups, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 3, 5}, raising=False)
    assert groups.cpus("0::/\n") == 3
    monkeypatch.delattr(os, "sched_getaffinity")  # macOS has none
    assert groups.cpus("0::/\n") == float(os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("max 100000\n", None),
        ("50000 100000\n", 0.5),
        ("200000 100000", 2.0),
        ("150000", 1.5),
        ("", None),
        ("0 0", None),
        ("9" * 5000 + " 1", None),
        ("-5 100000", None),
        ("٣ 100000", None),
    ],
)
def test_cpu_max(text: str, cpus: float | None) -> None:
    assert limits.parse_cpu_max(text) == cpus


@pytest.mark.parametrize(
    ("quota", "period", "cpus"),
    [("-1", "100000", None), ("25000\n", "100000\n", 0.25), ("", "", None), ("1", "0", None)],
)
def test_cfs_quota(quota: str, period: str, cpus: float | None) -> None:
    assert limits.parse_cfs_quota(quota, period) == cpus


@given(quota=st.integers(1, 10**12), period=st.integers(1, 10**6))
def test_a_well_formed_quota_is_its_ratio(quota: int, period: int) -> None:
    assert limits.parse_cpu_max(f"{quota} {period}\n") == quota / period
    assert limits.parse_cfs_quota(f"{quota}\n", f"{period}\n") == quota / period


_LINES = st.lists(
    st.one_of(
        st.text(max_size=40),
        st.builds(
            "{}:{}:{}".format, st.sampled_from(["0", "1", "x"]), st.sampled_from(["", "cpu", "cpu,x"]), st.text()
        ),
    )
)


@given(text=st.one_of(st.text(), st.text("0123456789max -\n")), lines=_LINES)
def test_nothing_in_these_files_raises_or_leads_out(text: str, lines: list[str]) -> None:
    assert (limits.parse_cpu_max(text) or 1) > 0
    assert (limits.parse_cfs_quota(text, text) or 1) > 0
    assert (limits.parse_bytes(text) or 1) > 0
    for folder in limits.group_folders("\n".join(lines), "cpu", cgroups="/top"):
        assert folder.split("/")[1] == "top"
        assert ".." not in folder.split("/")


@given(content=st.binary(max_size=200))
def test_files_of_any_bytes_leave_some_cpu_and_memory(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("groups")
    for name in ("membership", "cpu.max", "memory.max"):
        (folder / name).write_bytes(content)
    for membership in (folder / "membership", folder / "cpu.max"):
        assert 0 < limits.available_cpus(cgroups=str(folder), membership=str(membership)) <= _HERE
        assert 0 < limits.available_memory_bytes(500, cgroups=str(folder), membership=str(membership)) <= 500


def test_this_machine_has_some_cpu() -> None:
    assert 0 < limits.available_cpus() <= _HERE
