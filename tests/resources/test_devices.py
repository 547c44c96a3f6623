"""Which disks and interfaces are reported, with a sysfs of our own making and without any."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from groundhog_otel.resources.devices import disks, interfaces


@pytest.fixture
def sysfs(tmp_path: Path) -> str:
    for hardware in ("block/sda", "block/nvme0n1", "block/cciss!c0d0", "class/net/eth0", "class/net/wlan0"):
        (tmp_path / hardware / "device").mkdir(parents=True)
    for virtual in ("block/loop0", "block/dm-0", "block/md127", "class/net/lo", "class/net/veth12", "class/net/tun0"):
        (tmp_path / virtual).mkdir(parents=True)
    return str(tmp_path)


def test_disks_with_hardware_behind_them(sysfs: str) -> None:
    seen = ("sda", "sda1", "nvme0n1", "nvme0n1p2", "cciss/c0d0", "loop0", "dm-0", "md127")
    assert disks(seen, sysfs=sysfs) == ("cciss/c0d0", "nvme0n1", "sda")


def test_disks_where_no_hardware_is_to_be_seen(tmp_path: Path) -> None:
    assert disks(("disk1", "disk0", "loop3", "zram0"), sysfs=str(tmp_path)) == ("disk0", "disk1")


def test_interfaces_with_hardware_behind_them_and_loopback(sysfs: str) -> None:
    assert interfaces(("veth12", "eth0", "lo", "tun0", "wlan0"), sysfs=sysfs) == ("eth0", "lo", "wlan0")


def test_interfaces_of_a_container(tmp_path: Path) -> None:
    assert interfaces(("lo", "eth0", "docker0", "br-1f2e", "veth1"), sysfs=str(tmp_path)) == ("eth0", "lo")


def test_there_are_never_many(tmp_path: Path) -> None:
    assert len(disks(tuple(f"sd{i}" for i in range(1000)), sysfs=str(tmp_path))) == 16
    assert len(interfaces(("lo", *(f"eth{i}" for i in range(1000))), sysfs=str(tmp_path))) == 17


def test_none_is_fine(tmp_path: Path) -> None:
    assert disks((), sysfs=str(tmp_path)) == interfaces((), sysfs=str(tmp_path)) == ()


def test_this_machine_is_on_a_network() -> None:
    assert interfaces(tuple(psutil.net_io_counters(pernic=True)))
