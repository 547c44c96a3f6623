"""``groundhog replay``: recorded traces, shown in the stack's Jaeger."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from groundhog_otel.pipeline import StackError
from groundhog_otel.settings import store_directory
from groundhog_otel.settings.stack import StackSettings
from groundhog_otel.store import StoreError
from groundhog_otel.store.model import Unreadable
from groundhog_otel.store.replay import Batch, Replayed, replay, sender, wanted_batches
from groundhog_otel.store.selection import LATEST, select_runs

__all__ = ("replay_recording",)

_SHOWN = 5


def replay_recording(
    dir: Path | None = None,  # noqa: A002 - the argument's name in the help
    /,
    *,
    run: str = LATEST,
    trace: str | None = None,
    endpoint: str | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Send recorded traces to Jaeger, with their own timestamps.

    Parameters
    ----------
    dir
        The folder of recordings, or of one run; by default $GROUNDHOG_DIR, or .groundhog in this folder.
    run
        Which run: latest, all, or the name of its folder.
    trace
        Only this trace, by its id.
    endpoint
        An OTLP/HTTP endpoint; by default that of the stack's Jaeger, past sampling, counting and alerts.
    dry_run
        Only say what would be sent.
    """
    if trace is not None and not re.fullmatch(r"[0-9a-fA-F]{32}", trace):
        raise StoreError(f"--trace {trace!r} is not a trace id. Write 32 hexadecimal digits, as Jaeger shows them.")
    runs = select_runs(dir or Path(store_directory()), run)
    unreadable: list[Unreadable] = []
    batches = wanted_batches(runs, trace_id=trace.lower() if trace else None, unreadable=unreadable)
    settings, problems = StackSettings.from_environ()
    if problems and endpoint is None:
        raise StackError("; ".join(problems))
    target = endpoint or f"http://127.0.0.1:{settings.ports['jaeger_otlp_http']}"
    done = _counted(batches) if dry_run else replay(batches, sender(target))
    for one in unreadable:
        print(f"groundhog: left out, because it cannot be read: {one.file}, line {one.line}", file=sys.stderr)
    if not done.traces:
        what = f"trace {trace} is not in" if trace else "there are no traces in"
        raise StoreError(f"{what} {', '.join(str(one) for one in runs)}. Try --run all.")
    sent = f"{'Would send' if dry_run else 'Sent'} {done.spans} spans of {len(done.traces)} traces to {target}"
    print(sent)
    if done.rejected or done.reasons:
        print(f"groundhog: it refused {done.rejected} spans: {'; '.join(done.reasons)}", file=sys.stderr)
    if not dry_run and endpoint is None:
        # The Jaeger that we build has no web pages.
        page = "trace" if settings.jaeger is not None else "api/traces"
        for trace_id in sorted(done.traces)[:_SHOWN]:
            print(f"http://127.0.0.1:{settings.ports['jaeger_query']}/{page}/{trace_id}")
        if len(done.traces) > _SHOWN:
            print(f"and {len(done.traces) - _SHOWN} more")
    return 1 if done.rejected else 0


def _counted(batches: Iterator[Batch]) -> Replayed:
    done = Replayed()
    for batch in batches:
        done.spans += batch.spans
        done.traces |= batch.traces
    return done
