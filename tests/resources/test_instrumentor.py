"""The instrumentor's life: on, off, on again, chosen, wrong, refused, and beside another of its kind."""

from __future__ import annotations

import gc
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeterProvider

from groundhog_otel.resources import ResourceInstrumentor
from groundhog_otel.settings import ResourceSettings
from tests.resources.collector import Collector, burn, measurable

_ALL = ResourceSettings(system=True)


def _families(collector: Collector) -> set[str]:
    burn()
    return {name.split(".")[0] for name in collector.readings()}


def test_uninstrument_ends_it_and_instrumenting_again_doubles_nothing(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    instrumentor = ResourceInstrumentor()
    burn()
    first = {name: len(points) for name, points in collector.readings().items()}
    for _ in range(2):
        instrumentor.uninstrument()
        assert not collector.metrics()
        instrumentor.instrument(meter_provider=collector.provider, settings=_ALL)
        burn()
        assert {name: len(points) for name, points in collector.readings().items()} == first
    assert not caplog.records


def test_instrumenting_again_may_choose_otherwise() -> None:
    found, instrumentor = Collector(), ResourceInstrumentor()
    for settings, families in (
        (ResourceSettings(), {"process"}),
        (ResourceSettings(process=False, system=True), {"system"}),
        (_ALL, {"process", "system"}),
        (ResourceSettings(process=False, system=False), set()),
    ):
        instrumentor.instrument(meter_provider=found.provider, settings=settings)
        assert _families(found) == families
        instrumentor.uninstrument()


@pytest.mark.parametrize(
    ("value", "families"),
    [
        ("process", {"process"}),
        ("System", {"system"}),
        ("none", set()),
        ("", {"process"}),
        ("system, process", {"process", "system"}),
    ],
)
def test_what_is_measured_can_be_chosen(value: str, families: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_GROUNDHOG_RESOURCES", value)
    found, instrumentor = Collector(), ResourceInstrumentor()
    instrumentor.instrument(meter_provider=found.provider)
    assert _families(found) == families
    instrumentor.uninstrument()


def test_a_wrong_choice_is_one_warning_and_the_default(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_GROUNDHOG_RESOURCES", "cpu")
    found, instrumentor = Collector(), ResourceInstrumentor()
    instrumentor.instrument(meter_provider=found.provider)
    assert _families(found) == {"process"}
    instrumentor.uninstrument()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("OTEL_PYTHON_GROUNDHOG_RESOURCES='cpu' is not understood")
    assert record.getMessage().endswith("Write process, system, process,system or none.")


def test_no_provider_costs_nothing_and_a_broken_one_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    instrumentor = ResourceInstrumentor()
    instrumentor.instrument(meter_provider=NoOpMeterProvider(), settings=_ALL)
    instrumentor.uninstrument()
    assert not caplog.records

    class Broken(NoOpMeterProvider):
        def get_meter(self, *_args: Any, **_kwargs: Any) -> Any:
            raise RuntimeError("no meters today")

    instrumentor.instrument(meter_provider=Broken(), settings=_ALL)
    instrumentor.uninstrument()
    assert [record.getMessage() for record in caplog.records] == ["The resources of this process are not measured"]


def test_a_provider_is_not_kept_alive() -> None:
    found, instrumentor = Collector(), ResourceInstrumentor()
    instrumentor.instrument(meter_provider=found.provider, settings=_ALL)
    instrumentor.uninstrument()
    found.provider.shutdown()
    before = len(ResourceInstrumentor._created)
    del found
    gc.collect()
    assert len(ResourceInstrumentor._created) < before


def test_stands_back_for_what_system_metrics_reports(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "groundhog_otel.resources")
    monkeypatch.setattr(ResourceInstrumentor, "_said", set())
    other = SimpleNamespace(
        _is_instrumented_by_opentelemetry=False, _config={"process.cpu.time": ["user"], "system.memory.usage": None}
    )
    module: Any = ModuleType("opentelemetry.instrumentation.system_metrics")
    module.SystemMetricsInstrumentor = SimpleNamespace(_instance=other)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    everything = measurable()
    burn()
    assert set(collector.readings()) == everything
    other._is_instrumented_by_opentelemetry = True
    burn()
    assert set(collector.readings()) == everything - {"process.cpu.time", "system.memory.usage"}
    (record,) = caplog.records
    assert "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS" in record.getMessage()
