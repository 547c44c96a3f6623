"""Spans and metrics against the MCP semantic conventions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase

from opentelemetry.sdk.metrics.export import Metric
from opentelemetry.sdk.trace import ReadableSpan

from groundhog_otel.testing.checks.metrics import check_metrics
from groundhog_otel.testing.checks.spans import check_spans
from groundhog_otel.testing.conventions import MCP
from groundhog_otel.testing.violation import Violation

__all__ = ("assert_conforms", "violations")


def violations(
    spans: Iterable[ReadableSpan],
    metrics: Sequence[Metric] = (),
    *,
    opt_in: Collection[str] = (),
    ignore: Collection[str] = (),
) -> list[Violation]:
    """Return every departure of the spans and metrics of MCP from its semantic conventions, each once.

    Spans and metrics that are not of MCP are passed over: an application's own, those of HTTP.

    Args:
        spans: Finished spans. A receiver's parent is checked when its sender's span is among them.
        metrics: Metrics, as the SDK's readers give them.
        opt_in: Opt-in attributes that were asked for, such as ``gen_ai.tool.call.arguments``. With
            ``mcp.resource.uri``, a URI may also be in a span's name.
        ignore: What is not to be judged: attributes, such as those that a tool sets on its own span, or what else a
            :class:`Violation` is ``about``. ``*`` stands for anything: ``"app.*"``.
    """
    found = [
        *check_spans(list(spans), opt_in=opt_in),
        *check_metrics(metrics, opt_in=opt_in),
    ]
    return list(dict.fromkeys(one for one in found if not any(fnmatchcase(one.about, pattern) for pattern in ignore)))


def assert_conforms(
    spans: Iterable[ReadableSpan],
    metrics: Sequence[Metric] = (),
    *,
    opt_in: Collection[str] = (),
    ignore: Collection[str] = (),
) -> None:
    """Hold spans and metrics to the MCP semantic conventions. The arguments are those of :func:`violations`.

    Raises:
        AssertionError: something departs from them. The message lists everything that does, with the rule and what to
            change.
    """
    found = violations(spans, metrics, opt_in=opt_in, ignore=ignore)
    if found:
        listed = "\n".join(f"- {one}" for one in found)
        raise AssertionError(f"{len(found)} departure(s) from the MCP semantic conventions\n{listed}\n({MCP.source})")
