"""Reading what control groups allow, whatever those files hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundhog_otel.resources import limits


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("max 100000\n", None),
        ("50000 100000\n", 0.5),
        ("200000 100000", 2.0),
        ("150000", 1.5),
        ("", None),
        ("0 0", None),
    ],
)
def test_version_2(text: str, cpus: float | None) -> None:
    assert limits.parse_cpu_max(text) == cpus


@pytest.mark.parametrize(
    ("quota", "period", "cpus"),
    [("-1", "100000", None), ("25000\n", "100000\n", 0.25), (None, None, None), ("1", "0", None)],
)
def test_version_1(quota: str | None, period: str | None, cpus: float | None) -> None:
    assert limits.parse_cfs_quota(quota, period) == cpus


def test_paths_of_both_versions() -> None:
    text = "12:cpu,cpuacct:/docker/abc\n3:memory:/x\n0::/user.slice/a.scope\nnonsense\n0::/../../etc\n"
    assert limits.cgroup_paths(text) == [
        Path("/sys/fs/cgroup/cpu/docker/abc"),
        Path("/sys/fs/cgroup/user.slice/a.scope"),
    ]


@given(text=st.text())
def test_nothing_in_these_files_raises(text: str) -> None:
    assert (limits.parse_cpu_max(text) or 1) > 0
    assert (limits.parse_cfs_quota(text, text) or 1) > 0
    for path in limits.cgroup_paths(text):
        assert str(path).startswith("/sys/fs/cgroup")


def test_this_machine_has_some_cpu() -> None:
    assert limits.available_cpus() > 0
