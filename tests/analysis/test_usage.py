from __future__ import annotations

from groundhog_otel.analysis.usage import Counted, Statistic, host_traffic, usage
from tests.support.recorded import CLIENT, SERVER, series


def test_modes_of_cpu_are_added_up_instant_by_instant() -> None:
    (one,) = usage(
        [
            series("process.cpu.utilization", 0.125, 0.25, cpu_mode="user"),
            series("process.cpu.utilization", 0.125, 0.5, cpu_mode="system"),
            series("process.cpu.time", 1, 2, cpu_mode="user"),
            series("process.cpu.time", 0.5, 1, cpu_mode="system"),
        ]
    )
    assert one.cpu_share == Statistic(min=0.25, avg=0.5, max=0.75, last=0.75)
    assert one.cpu_s == 3
    assert one.observed_s == 1


def test_a_counter_of_a_process_counts_from_zero_and_has_a_rate() -> None:
    (one,) = usage([series("process.disk.io", 100, 300, 400, disk_io_direction="write")])
    assert one.disk_written_bytes == Counted(400, Statistic(min=100, avg=150, max=200, last=100))
    assert one.disk_read_bytes is None


def test_one_observation_has_a_total_and_no_rate() -> None:
    (one,) = usage([series("process.disk.io", 100, disk_io_direction="read")])
    assert one.disk_read_bytes == Counted(100, None)


def test_processes_are_told_apart_and_what_they_lack_is_none() -> None:
    found = usage([series("process.memory.usage", 5, 7, process=process) for process in (SERVER, CLIENT)])
    assert [one.process for one in found] == [CLIENT, SERVER]
    assert found[0].memory_bytes == Statistic(5, 6, 7, 7)
    assert found[0].cpu_share is None
    assert usage([]) == ()


def test_traffic_of_the_host_counts_from_the_first_observation() -> None:
    found = host_traffic(
        [
            series("system.network.io", 1000, 1500, network_io_direction="receive", network_interface_name="eth0"),
            series("system.network.io", 50, 60, network_io_direction="transmit", network_interface_name="eth0"),
            series("system.network.io", 7, 7, network_io_direction="receive", network_interface_name="idle"),
            series("system.network.io", 7, 7, network_io_direction="transmit", network_interface_name="idle"),
        ]
    )
    assert [(one.interface, one.received_bytes.total, one.sent_bytes.total) for one in found] == [("eth0", 500, 10)]


def test_traffic_is_told_by_the_process_that_watched_for_longest() -> None:
    found = host_traffic(
        [
            series(
                "system.network.io", *values, process=process, network_io_direction=direction,
                network_interface_name="lo",
            )
            for process, values in ((CLIENT, (0, 1)), (SERVER, (0, 1, 5)))
            for direction in ("receive", "transmit")
        ]
    )  # fmt: skip
    assert [(one.observer, one.received_bytes.total) for one in found] == [(SERVER, 5)]
    assert host_traffic([]) == ()
