from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from groundhog_otel.report.optimizations import MEASURES, Effect, optimizations, read_ledger
from tests.report import made

_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["trial", "action", "effects", "measure", "without", "low", "time"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


def test_a_ledger_is_read_in_its_order_and_damaged_lines_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "optimizations.jsonl"
    assert read_ledger(file) == ()
    lines = [json.dumps({"time": "t", "trial": {"action": name, "outcome": "kept", "why": ""}}) for name in ("a", "b")]
    file.write_text(f"{lines[0]}\n{{\n[]\n\n{lines[1]}\n{lines[0][:20]}")
    assert [one.action for one in read_ledger(file)] == ["a", "b"]


def test_effects_are_those_that_are_shown_in_their_order() -> None:
    helped, tried, refused = made.trials()
    assert [one.measure for one in helped.effects] == ["mean", "p99", "cpu", "memory"]
    assert [one.finding for one in helped.effects] == ["better", "better", "unchanged", "worse"]
    assert helped.measured_saving_ms is not None
    assert round(helped.measured_saving_ms) == 51
    assert (tried.predicted_saving_ms, refused.measured_saving_ms, refused.effects) == (None, None, ())


def test_a_change_of_nothing_is_none() -> None:
    assert Effect("cpu", 0.0, 1.0, 0.0, 0.0).change == 0


@settings(deadline=None)
@given(st.lists(_JSON, max_size=4))
def test_whatever_a_line_holds_is_read_or_passed_over(entries: list[Any]) -> None:
    for one in optimizations(entries):
        assert one.action
        assert all(each.measure in MEASURES for each in one.effects)
