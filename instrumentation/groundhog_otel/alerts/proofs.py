"""Proofs for ``promtool test rules``: each alert must fire, must not fire without cause, and must resolve."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from groundhog_otel.alerts.annotations import labels, notes
from groundhog_otel.alerts.model import Alert
from groundhog_otel.alerts.rules import Companion, companions
from groundhog_otel.alerts.selection import equal, groups
from groundhog_otel.alerts.values import Rendered

__all__ = ("proofs",)

_JAEGER: Final = "http://jaeger"
_PLAIN: Final = {"service_name": "s", "job": "s", "instance": "i", "gen_ai_tool_name": "t"}
_ODD: Final = {"service_name": "my s&s", "job": "my s&s", "instance": "i/1", "gen_ai_tool_name": 'say "t"'}
"""Names that mean something in a URL and in a query."""
_PER_STEP: Final = 100_000
_COARSEST_S: Final = 60


class _Phase(NamedTuple):
    """A stretch of time in which every number grows evenly, or stays."""

    steps: int
    """How many samples."""
    of: Mapping[str, float | None]
    """By what each series grows (a counter) or what it is (a gauge); None for no sample."""


class _Look(NamedTuple):
    """When an alert is looked at, and whether it fires then: the value it fires with."""

    at_s: float
    value: float | None


def proofs(alerts: Sequence[Alert], rule_files: Iterable[str]) -> dict[str, Any]:
    """Return a test file for ``promtool``, about the rules in ``rule_files``."""
    tests = [test for alert in alerts for test in _of_alert(alert)]
    tests += [_of_companion(companion) for companion in companions(alerts)]
    every = min((int(alert.short_s) for alert in alerts), default=_COARSEST_S)
    return {"rule_files": list(rule_files), "evaluation_interval": f"{min(every, _COARSEST_S)}s", "tests": tests}


def _step(alert: Alert) -> int:
    """Return the time between samples, in seconds: a quarter of the shortest window that is looked at."""
    return max(1, min(_COARSEST_S, int(alert.short_s / 4)))


def _of_alert(alert: Alert) -> Iterator[dict[str, Any]]:
    step = _step(alert)
    # Long enough for the window that ends the alert to hold nothing else; the other is fed by as much as there is.
    turn = math.ceil(alert.short_s / step) + 2
    hold = math.ceil(alert.hold_s / step) + 2
    if alert.measure == "absence":
        gone = math.ceil(alert.short_s / step) + hold + 2 * math.ceil(_COARSEST_S / step)
        phases = [_Phase(turn, {"": 1.0}), _Phase(gone, {"": None}), _Phase(turn, {"": 1.0})]
        looks = [_Look(step * turn, None), _Look(step * (turn + gone - 1), 1.0), _Look(step * (2 * turn + gone), None)]
        yield _test(alert, "it comes, stops, and comes again", phases, looks, _PLAIN)
        return
    high, value = _over(alert, step)
    low = _under(alert, step)
    lasting = turn + hold
    for title, names in (("over the threshold, then not", _PLAIN), ("names that have to be escaped", _ODD)):
        if names is _ODD and alert.by != "tool":
            continue
        looks = [_Look(step * lasting, value), _Look(step * (2 * lasting + turn), None)]
        yield _test(alert, title, [_Phase(lasting, high), _Phase(lasting + turn, low)], looks, names)
    yield _test(alert, "within the threshold", [_Phase(lasting, low)], [_Look(step * lasting, None)], _PLAIN)
    few = alert.min_count // 2
    if few > 0:
        all_bad = (_failures if alert.measure == "errors" else _histogram)(alert, 1.0)
        each = {name: amount / _PER_STEP for name, amount in all_bad.items()}
        at = min(few, lasting - 1)
        phases = [_Phase(lasting - at, dict.fromkeys(high, 0.0)), _Phase(at, each)]
        yield _test(alert, "a few, of something rarely used", phases, [_Look(step * lasting, None)], _PLAIN)


def _of_companion(companion: Companion) -> dict[str, Any]:
    alert = companion.alerts[0]
    step = int(max(1, min(_COARSEST_S, companion.after_s / 4)))
    gone = math.ceil(companion.after_s / step) + 3
    phases = [_Phase(3, {"": 1.0}), _Phase(gone, {"": None}), _Phase(3, {"": 1.0})]
    test = _test(alert, "its numbers stop, and come again", phases, [], _PLAIN)
    rule = companion.rule()
    expected = {"exp_labels": rule["labels"], "exp_annotations": rule["annotations"]}
    checks = [(3, []), (3 + gone - 1, [expected]), (6 + gone, [])]
    test["name"] = f"{companion.name}: its numbers stop, and come again"
    test["interval"] = f"{step}s"
    test["alert_rule_test"] = [
        {"eval_time": f"{at * step}s", "alertname": companion.name, "exp_alerts": alerts} for at, alerts in checks
    ]
    return test


def _over(alert: Alert, step: int) -> tuple[dict[str, float], float]:
    """Return series that are over the threshold, and the value that is measured then."""
    if alert.measure == "p99":
        buckets = alert.metric.buckets
        above = [*buckets, math.inf][buckets.index(alert.threshold) + 1]
        return _histogram(alert, slow=0.5), _quantile(alert.threshold, above)
    if alert.measure in ("latency", "errors"):
        share = (1 + alert.limit) / 2
        share = round(share, 2) if round(share, 2) > alert.limit else share
        return (_histogram if alert.measure == "latency" else _failures)(alert, share), share
    if alert.measure == "rate":
        return {"": 2 * alert.threshold * step}, 2 * alert.threshold
    return {"": 2 * alert.threshold}, 2 * alert.threshold


def _quantile(lower: float, upper: float) -> float:
    """Return the p99 that Prometheus finds when half is in the bucket between: it takes it for evenly filled."""
    return lower if math.isinf(upper) else lower + (upper - lower) * (0.99 - 0.5) / 0.5


def _under(alert: Alert, step: int) -> dict[str, float]:
    if alert.measure == "p99":
        return _histogram(alert, slow=0.005)
    if alert.measure in ("latency", "errors"):
        return (_histogram if alert.measure == "latency" else _failures)(alert, alert.limit / 2)
    return {"": alert.threshold / 2 * (step if alert.measure == "rate" else 1)}


def _histogram(alert: Alert, slow: float) -> dict[str, float]:
    buckets = alert.metric.buckets
    above = buckets[buckets.index(alert.threshold) + 1 :][:1]
    found: dict[str, float] = {f'_bucket|le="{alert.threshold!r}"': round(_PER_STEP * (1 - slow))}
    found |= {f'_bucket|le="{one!r}"': _PER_STEP for one in above}
    return {**found, '_bucket|le="+Inf"': _PER_STEP, "_count|": _PER_STEP}


def _failures(alert: Alert, share: float) -> dict[str, float]:
    suffix = "_count" if alert.metric.kind == "histogram" else ""
    failed = round(_PER_STEP * share)
    return {f"{suffix}|": _PER_STEP - failed, f'{suffix}|error_type="tool_error"': failed}


def _labels(alert: Alert, names: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of series that an alert is about."""
    found = {"mcp_method_name": _method(alert)} if "mcp.method.name" in alert.metric.attributes else {}
    return {**found, **{name: names.get(name, "x") for name in groups(alert)}, **equal(alert)}


def _method(alert: Alert) -> str:
    examples = {"command": "prompts/get", "ui": "notifications/message", "background": "tasks/get"}
    return "tools/call" if alert.by == "tool" or not alert.methods else examples.get(alert.methods, "tools/list")


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _test(
    alert: Alert, title: str, phases: Sequence[_Phase], looks: Sequence[_Look], names: Mapping[str, str]
) -> dict[str, Any]:
    own = _labels(alert, names)
    counts = alert.metric.kind in ("counter", "histogram")
    if phases[0].of.keys() == {""} and alert.metric.kind == "histogram":
        phases = [_Phase(one.steps, {"_count|": one.of[""]}) for one in phases]
    series = []
    for key in phases[0].of:
        suffix, _, more = key.partition("|")
        words = [f'{name}="{_quoted(value)}"' for name, value in own.items()] + ([more] if more else [])
        series.append(
            {
                "series": f"{alert.metric.prometheus}{suffix}{{{','.join(words)}}}",
                "values": _values([(phase.steps, phase.of[key]) for phase in phases], counts=counts),
            }
        )
    group = {name: own[name] for name in groups(alert)} if alert.measure != "absence" else {}
    return {
        "name": f"{alert.name}: {title}",
        "interval": f"{_step(alert)}s",
        "external_labels": {"jaeger": _JAEGER},
        "input_series": series,
        "alert_rule_test": [
            {
                "eval_time": f"{round(look.at_s)}s",
                "alertname": alert.name,
                "exp_alerts": []
                if look.value is None
                else [
                    {
                        "exp_labels": {**group, **labels(alert)},
                        "exp_annotations": notes(alert, Rendered(group, look.value, _JAEGER)),
                    }
                ],
            }
            for look in looks
        ],
    }


def _values(phases: Sequence[tuple[int, float | None]], *, counts: bool) -> str:
    """Return samples as ``promtool`` writes them: ``0+5x10`` is 0 and ten more, each 5 above the last."""
    found, total = ["0"] if counts else [_number(phases[0][1] or 0.0)], 0.0  # at the time 0
    for steps, amount in phases:
        if amount is None:
            found.append(f"_x{steps}")
        elif counts:
            found.append(f"{_number(total + amount)}+{_number(amount)}x{steps - 1}")
            total += amount * steps
        else:
            found.append(f"{_number(amount)}x{steps - 1}")
    return " ".join(found)


def _number(value: float) -> str:
    return f"{value:.15g}"
