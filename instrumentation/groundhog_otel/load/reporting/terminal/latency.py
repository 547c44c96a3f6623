"""Both latencies of each operation."""

from __future__ import annotations

from typing import Final

from rich.table import Table
from rich.text import Text

from groundhog_otel.load.reporting.figures import Figures, OperationFigures, Percentile
from groundhog_otel.load.reporting.terminal.printer import Printer
from groundhog_otel.load.reporting.wording import percent_name
from groundhog_otel.report.units import amount, between, duration, rate, share

__all__ = ("latency",)

_SHOWN: Final = (50.0, 90.0, 99.0, 99.9)
_MOST_OPERATIONS: Final = 20


def latency(out: Printer, numbers: Figures) -> None:
    """Print the percentiles of the operations with the most requests."""
    out.title("Latency")
    if not numbers.operations:
        out.line("No request was answered after the warm-up.")
        return
    table = _table()
    table.add_row("", *(Text(name, "dim") for name in (*map(percent_name, _SHOWN), "max")))
    out.table(table)
    for one in numbers.operations[:_MOST_OPERATIONS]:
        _operation(out, one)
    if len(numbers.operations) > _MOST_OPERATIONS:
        out.line(f"… and {amount(len(numbers.operations) - _MOST_OPERATIONS, 'more operation')}")
    out.line(
        "Response is from the moment a request was due, service from the moment it was sent. Below a value is the "
        "interval that holds the true one (95 %).",
        "dim",
    )


def _operation(out: Printer, one: OperationFigures) -> None:
    errors = Text(amount(one.errors, "error"), "red" if one.errors else "")
    share_ = f" ({share(one.error_share)})" if one.errors else ""
    name = (out.plain(one.name), "bold")
    out.line(Text.assemble(name, f": {amount(one.count, 'request')}, {rate(one.rate)}, ", errors, share_))
    response, service = ([each for each in kind if each.percent in _SHOWN] for kind in (one.response, one.service))
    table = _table()
    table.add_row("  response", *map(_value, response), duration(one.response_max_s))
    table.add_row("", *(_interval(out, each) for each in response))
    table.add_row("  service", *map(_value, service), duration(one.service_max_s))
    out.table(table)


def _value(one: Percentile) -> Text:
    return Text("too few", "dim") if one.value_s is None else Text(duration(one.value_s))


def _interval(out: Printer, one: Percentile) -> Text:
    return out.text(f"needs {one.needed:,}" if one.value_s is None else between(one.low_s, one.high_s), "dim")


def _table() -> Table:
    table = Table.grid(padding=(0, 0))
    table.add_column(width=10, no_wrap=True)
    for _ in (*_SHOWN, "max"):
        table.add_column(width=13, justify="right", no_wrap=True)
    return table
