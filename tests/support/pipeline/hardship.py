"""Experiments: more than the Collector takes, and things that are not OTLP."""

from __future__ import annotations

import gzip
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import grpc  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from tests.support.pipeline.collector import Collector
from tests.support.pipeline.kills import CALLS, alone, settle
from tests.support.pipeline.load import Sender, drive, post
from tests.support.pipeline.outcome import Outcome
from tests.support.pipeline.payload import Shape, Template
from tests.support.pipeline.sink import Sink

MIB = 1 << 20
LIMIT_MIB, SPIKE_MIB = 48, 8


def overloaded(folder: Path, *, for_s: float, wait_s: int) -> Outcome:
    """Many times what the memory limit lets in: what is refused is refused with a status that SDKs retry.

    The traces have no root, so that each stays in memory for the whole decision_wait and the limit is soon reached.
    """
    shape = Shape(traces=100, slow=5, root=False)
    sink = Sink()
    limits = {"GROUNDHOG_MEMORY_MIB": str(LIMIT_MIB), "GROUNDHOG_MEMORY_SPIKE_MIB": str(SPIKE_MIB)}
    with alone(folder, sink, **limits, GROUNDHOG_DECISION_WAIT=f"{wait_s}s") as collector:
        idle = collector.rss_bytes()
        senders = [Sender(collector.http_port, Template(shape)) for _ in range(4)]
        threads = [threading.Thread(target=drive, args=(one, for_s)) for one in senders]
        for thread in threads:
            thread.start()
        codes, heap = Counter[str](), 0.0
        while any(thread.is_alive() for thread in threads):
            codes[_over_grpc(collector.grpc_port, Template(replace(shape, traces=1, slow=0)).fresh()[0])] += 1
            heap = max(heap, collector.own("otelcol_process_runtime_heap_alloc_bytes"))
            time.sleep(0.2)
        ended, peak = time.monotonic(), collector.rss_bytes(peak=True)
        while senders[0].send() != 200:
            assert time.monotonic() - ended < wait_s + 30, "it does not recover"
            time.sleep(0.1)
        back_s = time.monotonic() - ended
        slow = [trace_id for one in senders for trace_id in one.tally.slow]
        missing = settle(lambda: len(sink.missing(slow, shape.spans)))
        for one in senders:
            one.close()
    sink.leave()
    offered, taken = (sum(getattr(one.tally, name) for one in senders) for name in ("offered", "acknowledged"))
    statuses = sum((one.tally.refused for one in senders), Counter[int]())
    kept = len(slow) * shape.spans
    found = Outcome(
        f"{offered / taken:.0f} times what it takes",
        taken,
        kept,
        kept - missing * shape.spans,
        0,
        f"refused: {statuses[503]:,} spans with 503, over gRPC UNAVAILABLE; limit {LIMIT_MIB} MiB, heap "
        f"{heap / MIB:.0f} MiB at most; resident {idle // MIB} MiB idle, {peak // MIB} MiB at most; "
        f"took again after {back_s:.1f} s",
    )
    found.seen.update(
        ratio=offered / taken,
        others=sum(count for status, count in statuses.items() if status != 503),
        unanswered=sum(one.tally.unanswered for one in senders),
        unavailable=codes["UNAVAILABLE"],
        other_codes=sum(count for code, count in codes.items() if code not in ("OK", "UNAVAILABLE")),
        heap_mib=heap / MIB,
        idle_mib=idle / MIB,
        peak_mib=peak / MIB,
    )
    return found


def _over_grpc(port: int, body: bytes) -> str:
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.max_send_message_length", -1)]) as channel:
        try:
            stub = TraceServiceStub(channel)  # type: ignore[no-untyped-call]
            stub.Export(ExportTraceServiceRequest.FromString(body), timeout=20)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"


PROTOBUF, JSON = "application/x-protobuf", "application/json"


def not_otlp() -> Sequence[tuple[str, bytes, dict[str, str]]]:
    """Return what no Collector should take: a name, the body, the headers."""
    good, _ = Template(CALLS).fresh()
    zipped = {"Content-Encoding": "gzip"}
    return (
        ("truncated protobuf", good[:-7], {"Content-Type": PROTOBUF}),
        ("random bytes", os.urandom(4096), {"Content-Type": PROTOBUF}),
        ("broken JSON", b'{"resourceSpans":[{', {"Content-Type": JSON}),
        ("protobuf said to be JSON", good, {"Content-Type": JSON}),
        ("another content type", good, {"Content-Type": "text/plain"}),
        ("not the gzip that it says", good, {"Content-Type": PROTOBUF, **zipped}),
        ("a short trace id", _short_id(), {"Content-Type": JSON}),
        ("a bomb: 200 MiB of zeros in gzip", gzip.compress(bytes(200 * MIB), 1), {"Content-Type": PROTOBUF, **zipped}),
        ("over 16 MiB", oversized(), {"Content-Type": PROTOBUF}),
        ("over 16 MiB once unpacked", gzip.compress(oversized(), 1), {"Content-Type": PROTOBUF, **zipped}),
    )


def _short_id() -> bytes:
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"abcd","spanId":"12","name":"x"}]}]}]}'


def oversized() -> bytes:
    """Return a valid request that is too large: one request many times over is their union."""
    body, _ = Template(CALLS).fresh()
    return body * (17 * MIB // len(body) + 1)


def answers_to_what_is_not_otlp(collector: Collector) -> dict[str, int | None]:
    """Send it all; return the status of each answer, None where there was none."""
    return {name: post(collector.http_port, body, headers) for name, body, headers in not_otlp()}


def code_of_an_oversized_call(collector: Collector) -> str:
    """Return the gRPC code of a call over 16 MiB."""
    return _over_grpc(collector.grpc_port, oversized())


def zero_ids(body: bytes, ids: Sequence[bytes]) -> bytes:
    """Return a request whose trace ids are all zero, which no span may have."""
    return re.sub(b"|".join(re.escape(one) for one in ids), bytes(16), body, flags=re.DOTALL)
