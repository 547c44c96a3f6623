"""``groundhog health``: whether a process is within its budgets."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from groundhog_otel.monitor.healthy import said
from groundhog_otel.monitor.metrics import CollectedMetrics
from groundhog_otel.monitor.sources import open_source
from groundhog_otel.settings import store_directory
from groundhog_otel.store.selection import LATEST

__all__ = ("health",)

_OVER_BUDGET: Final = 3
_NOT_READY: Final = 4


def health(
    what: str | None = None,
    /,
    *,
    run: str = LATEST,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> int:
    """Say whether a process answers, and whether it is within its budgets.

    The exit code is 0 when no budget is exceeded, 3 when one is, 4 when an event loop does not answer, and 1 when
    nobody could be asked.

    Parameters
    ----------
    what
        A process' number, the address where it answers, or a folder of recordings; by default the latest run in
        $GROUNDHOG_DIR, or .groundhog in this folder, from its beginning.
    run
        Of a folder: latest, or the name of a run.
    as_json
        Print JSON, for programs.
    """
    found = open_source(what, Path(store_directory()), run=run).look()
    if as_json:
        json.dump({"processes": [_as_json(one) for one in found]}, sys.stdout, indent=2)
        print()
    else:
        _print(found)
    if any(one.loop_lag_s is not None and math.isinf(one.loop_lag_s) for one in found):
        return _NOT_READY
    return 0 if all(one.health.ok for one in found) else _OVER_BUDGET


def _as_json(one: CollectedMetrics) -> dict[str, object]:
    answers = None if one.loop_lag_s is None else not math.isinf(one.loop_lag_s)
    about = {"service": one.service, "pid": one.pid, "running": one.running, "window_s": one.window_s}
    return {**about, "loop_answers": answers, **one.health.as_json()}


def _print(found: Sequence[CollectedMetrics]) -> None:
    if not found:
        print("Nothing was recorded yet.")
    for one in found:
        pid = "" if one.pid is None else f" ({one.pid})"
        print(f"{one.service}{pid}: {_verdict(one)}")
        for budget in one.health.budgets:
            print(
                f"  {budget.state:<8} {said(budget)}{_of(budget.count) if budget.count and budget.unit == 's' else ''}"
            )


def _verdict(one: CollectedMetrics) -> str:
    if one.loop_lag_s is not None and math.isinf(one.loop_lag_s):
        return "an event loop does not answer"
    exceeded = ", ".join(budget.name for budget in one.health.exceeded)
    return (
        f"over budget: {exceeded}" if exceeded else {"ok": "within its budgets"}.get(one.health.state, "not measured")
    )


def _of(count: int) -> str:
    return f", of {count:,} calls" if count != 1 else ", of one call"
