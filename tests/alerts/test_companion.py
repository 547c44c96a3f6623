"""What says that an alert's numbers have stopped, for alerts of long windows too."""

from __future__ import annotations

import pytest

from groundhog_otel.alerts.manager import AlertManager
from groundhog_otel.alerts.model import AlertConfig
from groundhog_otel.alerts.rules import companions

_DAY_S = 86400


@pytest.mark.parametrize("window", ["1h", "6h", "1d", "3d"])
def test_it_fires_within_the_day_in_which_it_looks_for_numbers(window: str) -> None:
    manager = AlertManager()
    manager.configure_alert(
        AlertConfig("Slow", "mcp.span.duration", window=window, severity="ticket", threshold="50ms")
    )
    (companion,) = companions(manager.alerts)
    assert 0 < companion.after_s < _DAY_S
    seen, now = companion.rule()["expr"].split("unless")
    assert seen.strip() != now.strip()
