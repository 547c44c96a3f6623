"""Two balancers before three samplers: every trace decided once and whole, also when a sampler is killed.

What the samplers keep goes to one OTLP receiver of ours behind each, in Jaeger's place: so it shows which sampler
let go of which span, and of which twice.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from groundhog_otel.pipeline.stack import Stack
from groundhog_otel.settings.stack import StackSettings
from tests.e2e.conftest import eventually, say
from tests.e2e.spans import SLOW_S, call, new_ids, send, send_count
from tests.e2e.tiers import TwoTiers, two_tiers
from tests.support.otlp import Receiver, receiving

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SAMPLERS = 3
DECIDED_AT_ONCE = {"GROUNDHOG_ROOT_WAIT": "1s", "GROUNDHOG_DECISION_WAIT": "3s", "GROUNDHOG_SHARE_PERCENT": "0"}
DECIDED_MUCH_LATER = {**DECIDED_AT_ONCE, "GROUNDHOG_ROOT_WAIT": "120s", "GROUNDHOG_DECISION_WAIT": "120s"}


@pytest.fixture(scope="module")
def program(settings: StackSettings) -> Path:
    return Stack(settings, say=say).build()["groundhog-collector"]


@contextmanager
def _tiers(
    program: Path, settings: StackSettings, folder: Path, environment: dict[str, str]
) -> Iterator[tuple[TwoTiers, list[Receiver]]]:
    with ExitStack() as opened:
        sinks = [opened.enter_context(receiving()) for _ in range(SAMPLERS)]
        own = settings._replace(state=folder)
        found = opened.enter_context(
            two_tiers(program, own, sinks=[sink.grpc for sink in sinks], environment=environment)
        )
        yield found, sinks


def _send_through_all(tiers: TwoTiers, spans: Sequence[Span]) -> None:
    """Send a trace's spans, which are neighbours in the list, by different balancers."""
    for number, balancer in enumerate(tiers.balancers):
        send(balancer.ports["otlp_http"], spans[number :: len(tiers.balancers)])


def _arrived(sinks: Sequence[Receiver], wanted: int) -> bool:
    return sum(len(sink.spans) for sink in sinks) >= wanted


def _spans_by_trace(sink: Receiver) -> Counter[bytes]:
    return Counter(span.trace_id for span in sink.spans)


def _no_duplicates(sinks: Sequence[Receiver]) -> bool:
    ids = [span.span_id for sink in sinks for span in sink.spans]
    return len(ids) == len(set(ids))


def test_every_trace_is_decided_once_and_whole(program: Path, settings: StackSettings, tmp_path: Path) -> None:
    slow, wrong, fast = new_ids(300), new_ids(300), new_ids(600)
    with _tiers(program, settings, tmp_path, DECIDED_AT_ONCE) as (tiers, sinks):
        spans = [
            span
            for trace in (*slow, *wrong, *fast)
            for span in (
                call(trace),
                call(trace, duration_s=SLOW_S if trace in slow else 0.001, error=trace in wrong),
                call(trace, root=True),
            )
        ]
        _send_through_all(tiers, spans)
        kept = [*slow, *wrong]
        eventually(lambda: _arrived(sinks, 3 * len(kept)), within_s=30, what="three spans of every kept trace")
        eventually(lambda: tiers.decided() == len(kept) + len(fast), within_s=30, what="all decided")
        late = [call(trace) for trace in (*kept, *fast)]
        _send_through_all(tiers, late)
        eventually(lambda: _arrived(sinks, 4 * len(kept)), within_s=30, what="the late span of every kept trace")
        eventually(
            lambda: tiers.counted("mcp_span_calls_total") == len(spans) + len(late), within_s=20, what="all counted"
        )
    found = [_spans_by_trace(sink) for sink in sinks]
    for one in found:
        assert set(one.values()) == {4}, "a trace is in two halves"
        assert len(one) > len(kept) / SAMPLERS / 2, "one sampler has next to nothing to do"
    assert sorted(trace for one in found for trace in one) == sorted(kept)
    assert _no_duplicates(sinks)


def test_a_killed_sampler_costs_what_it_held_undecided(program: Path, settings: StackSettings, tmp_path: Path) -> None:
    before, held, during = new_ids(200), new_ids(300), new_ids(300)
    with _tiers(program, settings, tmp_path, DECIDED_MUCH_LATER) as (tiers, sinks):
        _send_through_all(tiers, [call(trace, error=True, root=True) for trace in before])
        eventually(lambda: _arrived(sinks, len(before)), within_s=30, what="what was decided before")
        _send_through_all(tiers, [call(trace) for trace in held])
        eventually(lambda: tiers.met() == len(before) + len(held), within_s=20, what="the held ones held")
        assert tiers.decided() == len(before)

        victim = tiers.samplers[0]
        victim.end(signal.SIGKILL)
        _send_through_all(tiers, [call(trace, error=True, root=True) for trace in during])
        victim.start()
        _send_through_all(tiers, [call(trace, error=True, root=True) for trace in held])

        def all_that_is_left() -> list[bytes]:
            found = [_spans_by_trace(sink) for sink in sinks]
            lost = [trace for trace in held if found[0][trace]]
            wanted = len(before) + len(during) + 2 * len(held) - len(lost)
            return lost if sum(sum(one.values()) for one in found) >= wanted else []

        lost = eventually(all_that_is_left, within_s=40, what="all but the first spans that the killed one held")
    of_victim, *of_others = (_spans_by_trace(sink) for sink in sinks)
    assert len(held) / SAMPLERS / 2 < len(lost) < len(held) / SAMPLERS * 2
    for trace in lost:
        assert [one[trace] for one in (of_victim, *of_others)] == [1, 0, 0], "the span that came after the end"
    for trace in set(held) - set(lost):
        assert sorted(one[trace] for one in of_others) == [0, 2]
    for trace in (*before, *during):
        assert sorted(one[trace] for one in (of_victim, *of_others)) == [0, 0, 1]
    assert _no_duplicates(sinks)


def test_the_metrics_of_a_process_are_shown_once_whichever_balancer_it_talks_to(
    program: Path, settings: StackSettings, tmp_path: Path
) -> None:
    with _tiers(program, settings, tmp_path, DECIDED_AT_ONCE) as (tiers, _):
        everybody = (*tiers.balancers, *tiers.samplers)
        for answers in range(1, 5):  # as a process whose connection is made anew
            for process in range(20):
                send_count(tiers.balancers[answers % 2].ports["otlp_http"], f"process-{process}", answers)

            def shown() -> list[float]:
                return [value for one in everybody for value in one.values("answers_total", own=False)]

            wanted = [float(answers)] * 20
            eventually(lambda: shown() == wanted, within_s=20, what=f"20 series with {answers} each")  # noqa: B023
        holders = [one for one in everybody if one.values("answers_total", own=False)]
    assert holders == tiers.samplers


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_balancer_that_ends_costs_at_most_what_came_last(
    program: Path, settings: StackSettings, tmp_path: Path, number: signal.Signals
) -> None:
    """Its queue is in memory: when asked to end it empties it, when killed it loses a batch's wait of spans."""
    before, last = new_ids(300), new_ids(300)
    with _tiers(program, settings, tmp_path, DECIDED_AT_ONCE) as (tiers, sinks):
        _send_through_all(tiers, [call(trace, error=True, root=True) for trace in before])
        eventually(lambda: _arrived(sinks, len(before)), within_s=30, what="what was sent before")
        victim, other = tiers.balancers
        send(victim.ports["otlp_http"], [call(trace, error=True, root=True) for trace in last])
        victim.end(number)
        probe = new_ids(100)
        send(other.ports["otlp_http"], [call(trace, error=True, root=True) for trace in probe])
        eventually(lambda: set(probe) <= set().union(*map(_spans_by_trace, sinks)), within_s=20, what="the other's")
        kept = set().union(*map(_spans_by_trace, sinks))
    assert set(before) <= kept
    lost = len(set(last) - kept)
    say(f"{number.name}: {lost} of the last {len(last)} spans lost")
    assert number != signal.SIGTERM or lost == 0
    assert _no_duplicates(sinks)
