"""Where the telemetry of a load test goes: what is asked for, and what follows from the environment."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal, get_args

from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace.export import SpanExporter

from groundhog_otel.diagnosis.probe import Target
from groundhog_otel.diagnosis.reached import reached
from groundhog_otel.diagnosis.targets import from_environment
from groundhog_otel.load.engine.trace import RUN_ID
from groundhog_otel.load.errors import LoadError
from groundhog_otel.load.links.metrics import LoadMetrics
from groundhog_otel.load.links.spans import SpanWriter
from groundhog_otel.recording.command import CommandError, Recorded, instrumented
from groundhog_otel.settings import inherited, otlp_asked_for, otlp_protocol, store_directory
from groundhog_otel.settings.stack import StackSettings
from groundhog_otel.store.exporters import MetricFileExporter, SpanFileExporter
from groundhog_otel.store.jaeger import Jaeger
from groundhog_otel.store.layout import prepare
from groundhog_otel.store.recorded import Recordings
from groundhog_otel.store.retention import tidy
from groundhog_otel.store.source import Source

__all__ = ("SERVICE", "Mode", "Telemetry")

Mode = Literal["otlp", "files", "none"]
SERVICE: Final = "groundhog-load"
_OTLP: Final = {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp"}


@dataclass(frozen=True, slots=True)
class Telemetry:
    """The telemetry of one run. Plain data: worker processes are given it, and make their exporters themselves."""

    mode: Mode
    run_id: str
    store: Path
    """The folder of recordings, absolute."""

    @classmethod
    def chosen(
        cls,
        run_id: str,
        mode: str | None = None,
        *,
        store: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Telemetry:
        """Return what is asked for by ``mode``; by default OTLP where the environment names an endpoint, else files.

        Raises:
            LoadError: there is no such mode.
        """
        environ = inherited() if environ is None else environ
        if mode is not None and mode not in get_args(Mode):
            raise LoadError(f"--telemetry: {mode!r} is not known. Write otlp, files or none.")
        by_default: Mode = "otlp" if otlp_asked_for(environ) else "files"
        chosen: Mode = next((one for one in get_args(Mode) if one == mode), by_default)
        return cls(chosen, run_id, (store or Path(store_directory(environ))).absolute())

    @property
    def folder(self) -> Path:
        """Where files of this run are."""
        return self.store / self.run_id

    def problem(self, environ: Mapping[str, str] | None = None) -> str | None:
        """Return what keeps telemetry from arriving, as one sentence; None when nothing does. Takes seconds at most."""
        if self.mode == "files":
            return self._unwritable()
        if self.mode == "otlp":
            environ = {**(inherited() if environ is None else environ), **_OTLP}
            found = list(from_environment(environ))
            findings = [one for one in found if not isinstance(one, Target)]
            findings += reached(one for one in found if isinstance(one, Target))
            for finding in findings:
                if finding.level == "fix":
                    return f"{finding.about} are {finding.says}. {finding.fix}"
        return None

    def _unwritable(self) -> str | None:
        """Make the folder; return why that cannot be."""
        try:
            prepare(self.store, self.run_id)
        except OSError as error:
            return f"traces are not kept: cannot write to {self.store} ({error.strerror}). Name another folder."
        tidy(self.store, keep=self.run_id)
        return None

    def span_writer(self) -> SpanWriter | None:
        """Return a writer of spans for this process; None without telemetry."""
        exporter = self.span_exporter()
        return None if exporter is None else SpanWriter(self.run_id, [exporter], self.resource())

    def metrics(self, *, active: Callable[[], int] = lambda: 0) -> LoadMetrics | None:
        """Return the metrics of this process; None without telemetry. ``active``: the requests under way."""
        exporter = self.metric_exporter()
        return None if exporter is None else LoadMetrics(exporter, self.resource(), active=active)

    def span_exporter(self) -> SpanExporter | None:
        """Return an exporter of spans for this process; None without telemetry, or where :meth:`problem` has said why.

        Raises:
            LoadError: it is not installed.
        """
        if self.mode == "files":
            return None if self._unwritable() else SpanFileExporter(self.folder)
        exporter: SpanExporter | None = None if self.mode == "none" else _exporter("traces")
        return exporter

    def metric_exporter(self) -> MetricExporter | None:
        """Return an exporter of metrics, as :meth:`span_exporter` does.

        Raises:
            LoadError: it is not installed.
        """
        if self.mode == "files":
            return None if self._unwritable() else MetricFileExporter(self.folder)
        exporter: MetricExporter | None = None if self.mode == "none" else _exporter("metrics")
        return exporter

    def resource(self) -> Resource:
        """Return what this process calls itself. Each worker is an instance, so that their metrics are told apart."""
        return Resource.create(
            {
                SERVICE_NAME: SERVICE,
                SERVICE_INSTANCE_ID: str(uuid.uuid4()),
                "process.pid": os.getpid(),
                RUN_ID: self.run_id,
            }
        )

    def source(self, *, started_at_s: float, jaeger: str | None = None) -> Source | None:
        """Return where the traces of the run can be looked up; None without telemetry.

        ``started_at_s``, in Unix seconds: recordings that were over before are not looked into. ``jaeger`` is the
        address of a Jaeger; by default the one of ``groundhog stack``.

        Raises:
            StoreError: ``jaeger`` is no web address.
        """
        if self.mode == "files":
            return Recordings(self.store, self.run_id, since_s=started_at_s)
        if self.mode == "none":
            return None
        settings, _ = StackSettings.from_environ()
        return Jaeger(jaeger or f"http://127.0.0.1:{settings.ports['jaeger_query']}")

    def server(self, command: Sequence[str], environ: Mapping[str, str], *, name: str | None = None) -> Recorded:
        """Return how to start the server that is tested, so that its spans go where those of the test go.

        Raises:
            LoadError: there is no such command.
        """
        if self.mode == "none":
            return Recorded(tuple(command), environ)
        try:
            if self.mode == "files":
                return instrumented(command, environ, store=self.store, run=self.run_id, name=name)
            return instrumented(command, environ, name=name)
        except CommandError as error:
            raise LoadError(f"{error}.") from None


def _exporter(signal: Literal["traces", "metrics"]) -> Any:
    """Return the SDK's OTLP exporter for the protocol that the environment names; it reads all else there itself."""
    kind = "otlp_proto_grpc" if otlp_protocol(signal) == "grpc" else "otlp_proto_http"
    for entry in metadata.entry_points(group=f"opentelemetry_{signal}_exporter", name=kind):
        return entry.load()()
    raise LoadError(
        f"the exporter for OTLP is not installed: pip install opentelemetry-exporter-{kind.replace('_', '-')}"
    )
