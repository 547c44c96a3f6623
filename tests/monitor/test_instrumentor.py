"""The ``groundhog_monitor`` instrumentor in this process: off, on, taken back, and never in the way."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict

import pytest

from groundhog_otel.announcing import private_folder, put
from groundhog_otel.mcp.inflight import ON_BEGIN, ON_END
from groundhog_otel.monitor.announced import Answering, announce, answering, withdraw
from groundhog_otel.monitor.instrumentor import MonitorInstrumentor
from groundhog_otel.monitor.metrics import Key
from groundhog_otel.settings import MonitorSettings
from groundhog_otel.settings.profiling import control_directory
from tests.monitor.asking import ask
from tests.resources.collector import Collector


@pytest.fixture
def instrumentor() -> Iterator[MonitorInstrumentor]:
    found = MonitorInstrumentor()
    yield found
    if found.is_instrumented_by_opentelemetry:
        found.uninstrument()


def _soon(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def _threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("groundhog")}


def test_it_is_off_unless_asked_for(instrumentor: MonitorInstrumentor) -> None:
    before = list(ON_BEGIN), list(ON_END), _threads()
    instrumentor.instrument(settings=MonitorSettings())
    assert instrumentor.living is None
    assert (ON_BEGIN, ON_END, _threads()) == before


def test_it_answers_and_is_found_by_its_number_until_it_is_taken_back(instrumentor: MonitorInstrumentor) -> None:
    before = list(ON_BEGIN), list(ON_END), _threads()
    for _ in range(2):
        instrumentor.instrument(settings=MonitorSettings(port=0))
        assert instrumentor.living is not None
        url = instrumentor.living.url
        assert url is not None
        assert [one.url for one in answering(os.getpid())] == [url]
        assert ask(url, "/livez").status == 200
        assert {"groundhog-health", "groundhog-monitor"} <= _threads()
        instrumentor.uninstrument()
        assert list(answering(os.getpid())) == []
        with pytest.raises(ConnectionRefusedError):
            ask(url, "/livez")
        assert before[:2] == (ON_BEGIN, ON_END)
        assert _soon(lambda: _threads() <= before[2])


def test_what_another_process_of_that_number_has_said_is_not_believed() -> None:
    own = Answering.of(os.getpid(), "http://127.0.0.1:1")
    file = private_folder(control_directory()) / f"{own.pid}.health.json"
    for other in ({"started_s": own.started_s - 100}, {"program": "/usr/bin/other"}, {"more": 1}):
        put(file, {**asdict(own), **other})
        assert list(answering(own.pid)) == []
    file.write_text("not JSON")
    assert list(answering(own.pid)) == []
    announce(own.url)
    assert list(answering(own.pid)) == [own]
    withdraw()
    assert not file.exists()


def test_the_budgets_are_a_metric_while_it_is_on(instrumentor: MonitorInstrumentor) -> None:
    collector = Collector()
    for _ in range(2):
        instrumentor.instrument(meter_provider=collector.provider, settings=MonitorSettings(store_every_s=3600))
        assert instrumentor.living is not None
        instrumentor.living.collector.watch.note(Key("server", "tools/call", "search"), 0.075)
        found = {
            named["groundhog.budget.name"]: value
            for value, named in collector.readings()["groundhog.budget.utilization"]
        }
        assert found["command"] == pytest.approx(1.5)
        assert 0 < found["memory"] < 1
        assert "background" not in found
        instrumentor.uninstrument()
        assert not collector.readings().get("groundhog.budget.utilization")
    collector.provider.shutdown()


def test_a_port_that_is_taken_is_one_warning(
    instrumentor: MonitorInstrumentor, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        instrumentor.instrument(port=port)
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.getMessage() == (
        f"The health of this process is not served: cannot listen on 127.0.0.1 port {port} (Address already in use). "
        "Write another one, or 0 for any free one, in OTEL_PYTHON_GROUNDHOG_HEALTH_PORT."
    )
    assert instrumentor.living is not None
    assert instrumentor.living.url is None


def test_an_address_of_another_machine_is_one_warning(
    instrumentor: MonitorInstrumentor, caplog: pytest.LogCaptureFixture
) -> None:
    instrumentor.instrument(port=0, address="192.0.2.1")
    (record,) = caplog.records
    assert "cannot listen on 192.0.2.1 port 0 (" in record.getMessage()


def test_where_the_sdk_is_off_nothing_is(instrumentor: MonitorInstrumentor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    instrumentor.instrument(port=0)
    assert instrumentor.living is None


@pytest.mark.parametrize(
    ("environ", "settings"),
    [
        ({}, MonitorSettings()),
        ({"OTEL_PYTHON_GROUNDHOG_HEALTH_PORT": "9464"}, MonitorSettings(port=9464)),
        ({"OTEL_PYTHON_GROUNDHOG_HEALTH_PORT": "0"}, MonitorSettings(port=0)),
        ({"OTEL_PYTHON_GROUNDHOG_HEALTH_PORT": "none"}, MonitorSettings()),
        ({"OTEL_PYTHON_GROUNDHOG_HEALTH_ADDRESS": "[::]"}, MonitorSettings(address="::")),
        ({"OTEL_PYTHON_GROUNDHOG_HEALTH_WINDOW": "300"}, MonitorSettings(window_s=300)),
        ({"OTEL_PYTHON_GROUNDHOG_MONITOR_INTERVAL": "15"}, MonitorSettings(store_every_s=15)),
    ],
)
def test_every_variable_is_read(environ: dict[str, str], settings: MonitorSettings) -> None:
    assert MonitorSettings.given({}, environ) == (settings, [])
    assert settings.active == (settings.port is not None or settings.store_every_s is not None)


@pytest.mark.parametrize(
    ("variable", "value", "used", "write"),
    [
        ("HEALTH_PORT", "65536", "none", "a port, 1 to 65535, or 0 for any free one, or none"),
        ("HEALTH_PORT", "http", "none", "a port, 1 to 65535, or 0 for any free one, or none"),
        ("HEALTH_ADDRESS", "http://localhost", "'127.0.0.1'", "an address of this machine, like 127.0.0.1 or 0.0.0.0"),
        ("HEALTH_WINDOW", "1", "60.0", "seconds, 5 or more, like 60"),
        ("MONITOR_INTERVAL", "0", "none", "seconds above 0, or none"),
    ],
)
def test_a_wrong_variable_is_one_sentence_and_the_default(variable: str, value: str, used: str, write: str) -> None:
    name = f"OTEL_PYTHON_GROUNDHOG_{variable}"
    assert MonitorSettings.given({}, {name: value}) == (
        MonitorSettings(),
        [f"{name}={value!r} is not understood; using {used}. Write {write}."],
    )


def test_arguments_come_first(instrumentor: MonitorInstrumentor, caplog: pytest.LogCaptureFixture) -> None:
    environ = {"OTEL_PYTHON_GROUNDHOG_HEALTH_PORT": "9464"}
    assert MonitorSettings.given({"port": 0, "window_s": 30}, environ) == (MonitorSettings(port=0, window_s=30), [])
    instrumentor.instrument(prot=0)
    (record,) = caplog.records
    assert record.getMessage().startswith("'prot' in instrument() is not an option (did you mean 'port'?).")
