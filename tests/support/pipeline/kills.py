"""Experiments: the Collector is killed, Jaeger is away, the sampler's memory overflows."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.pipeline.collector import Collector
from tests.support.pipeline.load import Sender, drive
from tests.support.pipeline.outcome import Outcome
from tests.support.pipeline.payload import Shape, Template
from tests.support.pipeline.sink import Sink

ONLY_SLOW = {"GROUNDHOG_SHARE_PERCENT": "0"}
"""Nothing is kept at random: what has to arrive is known."""
CALLS = Shape(traces=100, slow=20)
INBOX = (os.cpu_count() or 1) + 2
"""Requests that may be acknowledged and not sampled yet: the sampler's inbox holds one per processor, one is being
sampled, and one more waits to get in."""


@contextmanager
def alone(folder: Path, sink: Sink, **environment: str) -> Iterator[Collector]:
    """A Collector that sends to a sink."""
    collector = Collector(folder, jaeger_port=sink.port, environment={**ONLY_SLOW, **environment})
    collector.start()
    try:
        yield collector
    finally:
        collector.stop()


@contextmanager
def loaded(sender: Sender, per_s: float | None) -> Iterator[None]:
    """Send at this pace meanwhile."""
    done = threading.Event()
    thread = threading.Thread(target=drive, args=(sender, 3600.0), kwargs={"per_s": per_s, "stop": done.is_set})
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        sender.close()


def settle(missing: Callable[[], int], *, expected: int = 0, within_s: float = 40.0, still_s: float = 12.0) -> int:
    """Wait until no more is missing than expected, or until for a while no more arrives; return how much is missing.

    The Collector tries again every ten seconds at the latest.
    """
    deadline, least, since = time.monotonic() + within_s, missing(), time.monotonic()
    while least > expected and time.monotonic() < deadline and time.monotonic() - since < still_s:
        time.sleep(0.2)
        if (now := missing()) < least:
            least, since = now, time.monotonic()
    return least


def _outcome(event: str, sender: Sender, sink: Sink, missing: int, bound: str, *, named: int = 0) -> Outcome:
    spans, tally = sender.template.shape.spans, sender.tally
    kept = len(tally.slow) * spans
    found = Outcome(event, tally.acknowledged, kept, kept - missing * spans, named, bound)
    found.seen["twice"] = sink.received - sum(sink.spans.values())
    return found


def killed(folder: Path, *, kills: int, under_load: bool, jaeger: bool) -> Outcome:
    """SIGKILL and restart, over and over, at a random moment of the load or when the sampler has had its second.

    Of what was acknowledged before a kill only the requests in the sampler's inbox may be missing afterwards: every
    older one has been sampled. What is older and missing is counted in ``seen["sampled and lost"]``.
    """
    sink = Sink()
    sender_slow: list[bytes] = []
    inbox: set[bytes] = set()
    with alone(folder, sink) as collector:
        sender = Sender(collector.http_port, Template(CALLS))
        if not jaeger:
            sink.leave()
        for _ in range(kills):
            before = len(sender.tally.slow)
            with loaded(sender, 30):
                time.sleep(1 + int.from_bytes(os.urandom(1), "big") / 256)
                if under_load:
                    collector.kill()
            if not under_load:
                time.sleep(1)
                collector.kill()
            inbox.update(sender.tally.slow[before:][-INBOX * CALLS.slow :])
            sender_slow = sender.tally.slow
            collector.start()
        if not jaeger:
            sink.come()
        missing = settle(lambda: len(sink.missing(sender_slow, CALLS.spans)))
        lost = sink.missing(sender_slow, CALLS.spans)
    sink.leave()
    when = "under load" if under_load else "a second after the last answer"
    event = f"Collector killed (SIGKILL) {kills} times {when}, Jaeger {'there' if jaeger else 'away'}"
    bound = (
        f"per kill the requests in the sampler's inbox: at most {INBOX} (processors + 2), here "
        f"{CALLS.slow * CALLS.spans} spans each"
        if under_load
        else "none: all of it had been sampled, and was in the queue on disk"
    )
    in_inbox = sum(one in inbox for one in lost)
    found = _outcome(event, sender, sink, missing, bound, named=in_inbox * CALLS.spans)
    found.seen["sampled and lost"] = (len(lost) - in_inbox) * CALLS.spans
    return found


def jaeger_away(folder: Path, *, for_s: float) -> Outcome:
    """Nothing takes traces for a while, under load; then it is back."""
    sink = Sink()
    with alone(folder, sink) as collector:
        sender = Sender(collector.http_port, Template(CALLS))
        with loaded(sender, 20):
            time.sleep(1)
            sink.leave()
            time.sleep(for_s)
            sink.come()
        returned = time.monotonic()
        # gRPC waits ever longer before it connects again: about as long as it was without, two minutes at most.
        patience_s = min(for_s, 120) + 20
        missing = settle(
            lambda: len(sink.missing(sender.tally.slow, CALLS.spans)), within_s=patience_s + 60, still_s=patience_s
        )
        took = time.monotonic() - returned
    sink.leave()
    back = f"all of it there {took:.0f} s after Jaeger was back (gRPC waits ever longer to connect again)"
    bound = f"GROUNDHOG_QUEUE_BYTES; {back}"
    return _outcome(f"Jaeger away for {for_s:.0f} s under load", sender, sink, missing, bound)


def queue_full(folder: Path, *, for_s: float) -> Outcome:
    """Jaeger is away until the queue has no room: what does not fit is lost, and counted."""
    sink = Sink()
    with alone(folder, sink, GROUNDHOG_QUEUE_BYTES=str(1 << 20)) as collector:
        sink.leave()
        sender = Sender(collector.http_port, Template(CALLS))
        drive(sender, for_s, per_s=30)
        sender.close()
        time.sleep(1)
        counted = int(collector.own("otelcol_exporter_enqueue_failed_spans"))
        sink.come()
        expected = counted // CALLS.spans
        missing = settle(lambda: len(sink.missing(sender.tally.slow, CALLS.spans)), expected=expected)
    sink.leave()
    bound = "GROUNDHOG_QUEUE_BYTES, here 1 MiB; counted in otelcol_exporter_enqueue_failed_spans"
    return _outcome("Jaeger away until the queue is full", sender, sink, missing, bound, named=counted)


def undecided(folder: Path, *, for_s: float, wait_s: int, per_s: int) -> Outcome:
    """Fast traces without a root wait in memory, the whole decision_wait: how many do at this pace."""
    sink = Sink()
    shape = Shape(traces=100, slow=0, root=False)
    with alone(folder, sink, GROUNDHOG_DECISION_WAIT=f"{wait_s}s") as collector:
        sender = Sender(collector.http_port, Template(shape))
        most = 0.0
        with loaded(sender, per_s):
            end = time.monotonic() + for_s
            while time.monotonic() < end:
                most = max(most, collector.own("otelcol_processor_tail_sampling_sampling_traces_on_memory"))
                time.sleep(0.25)
        collector.kill()
        pace = sender.tally.acknowledged / shape.spans / for_s
    sink.leave()
    bound = (
        f"decision_wait (or the wait after a root) x traces a second: here {wait_s} s x {pace:,.0f}/s, "
        f"and {most:,.0f} were in memory at most; never more than num_traces. Slow ones and errors are not among them"
    )
    found = _outcome("Collector killed: traces not decided yet", sender, sink, 0, bound)
    found.seen.update(most=most, pace=pace)
    return found


def overflowing(folder: Path, *, for_s: float, live: int) -> Outcome:
    """More traces are undecided than the sampler has room for: the oldest fast ones go, no slow one does."""
    sink = Sink()
    shape = Shape(traces=100, slow=5, root=False)
    with alone(folder, sink, GROUNDHOG_TRACES_HELD=str(live), GROUNDHOG_DECISION_WAIT="2s") as collector:
        sender = Sender(collector.http_port, Template(shape))
        drive(sender, for_s, per_s=20)
        sender.close()
        missing = settle(lambda: len(sink.missing(sender.tally.slow, shape.spans)))
        most = collector.own("otelcol_processor_tail_sampling_sampling_traces_on_memory")
        time.sleep(4)  # those that had to go are counted when they would have been decided
        early = collector.own("otelcol_processor_tail_sampling_sampling_trace_dropped_too_early")
    sink.leave()
    bound = (
        f"num_traces, here {live:,}: {early:,.0f} undecided traces made room, counted in "
        "otelcol_processor_tail_sampling_sampling_trace_dropped_too_early; none of them slow or an error"
    )
    found = _outcome("more undecided traces than num_traces", sender, sink, missing, bound)
    found.seen.update(early=early, most=most)
    return found
