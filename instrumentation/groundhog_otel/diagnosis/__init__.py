"""Finding out why telemetry does not arrive: what is installed, configured, and answering. It only reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from groundhog_otel.diagnosis.declared import from_file
from groundhog_otel.diagnosis.environment import environment, known_variables
from groundhog_otel.diagnosis.finding import Finding
from groundhog_otel.diagnosis.instrumented import watched
from groundhog_otel.diagnosis.peers import peers
from groundhog_otel.diagnosis.probe import Target
from groundhog_otel.diagnosis.reached import reached
from groundhog_otel.diagnosis.targets import from_environment, sampler
from groundhog_otel.settings import config_file

__all__ = ("Finding", "examine", "known_variables")


def examine(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at this Python environment, and at what a program with these variables would do in it.

    It imports the parts of mcp that are instrumented, and sends an empty export to every endpoint: some ten seconds per
    endpoint at the very most.
    """
    yield from watched(environ)
    yield from peers(environ)
    yield from environment(environ)
    path = config_file(environ)
    if path is None:
        yield sampler(environ)
    targets = []
    for one in from_environment(environ) if path is None else from_file(path, environ):
        if isinstance(one, Target):
            targets.append(one)
        else:
            yield one
    yield from reached(targets)
