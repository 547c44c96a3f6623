from __future__ import annotations

import pytest

from groundhog_otel.load.reporting.advice import next_step
from groundhog_otel.load.reporting.figures import figures
from tests.load.reporting import made


@pytest.mark.parametrize(
    ("why", "step"),
    [
        ("Ctrl-C", "Let it run to its end before you rely on it."),
        ("SIGTERM", "Let it run to its end before you rely on it."),
        ("the server has died (…) and cannot be reached again: …", "See why it could not go on, and run it again."),
    ],
)
def test_what_ended_early_is_to_be_run_again(why: str, step: str) -> None:
    report = made.report(made.result(interrupted=why))
    assert next_step(report, figures(report)) == step
