"""What an endpoint's answer means for whoever configured it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from groundhog_otel.diagnosis.finding import Finding, fix, note, ok
from groundhog_otel.diagnosis.probe import TIMEOUT_S, Answer, Target, probe
from groundhog_otel.mcp.redaction import redacted_uri

__all__ = ("reached",)


def reached(targets: Iterable[Target]) -> Iterator[Finding]:
    """Ask every target; those of one address that answer alike are one finding."""
    alike: dict[tuple[str, Answer], list[Target]] = {}
    for target in targets:
        parts = urlsplit(redacted_uri(target.url))
        address = f"{parts.scheme}://{parts.netloc} over {target.protocol}"
        alike.setdefault((address, probe(target)), []).append(target)
    for (address, answer), those in alike.items():
        yield _finding(" and ".join(dict.fromkeys(target.signal for target in those)), address, answer, those[0])


def _finding(signals: str, address: str, answer: Answer, target: Target) -> Finding:
    def variable(what: str, in_file: str) -> str:
        return f"{in_file} in {target.file}" if target.file is not None else f"OTEL_EXPORTER_OTLP_{what}"

    endpoint = variable("ENDPOINT", "endpoint")
    to = f"sent to {address}"
    host, port = target.address
    detail = f" ({answer.detail})" if answer.detail else ""
    grpc_instead = "write otlp_grpc" if target.file is not None else "set OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
    http_instead = "write otlp_http" if target.file is not None else "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
    if answer.outcome == "taken":
        return ok(signals, f"{to}, which takes them")
    if answer.outcome == "busy":
        return note(signals, f"{to}, which is overloaded at the moment{detail}", "Try again later.")
    says, do = {
        "refused": (
            "where nothing listens (connection refused)",
            f"Start a Collector there (groundhog stack up), or name one in {endpoint}.",
        ),
        "unknown host": (f"but no host of the name {host} is known", f"Correct the host in {endpoint}."),
        "silent": (
            f"which gave no answer within {TIMEOUT_S:g} s",
            f"Check the port in {endpoint}, and the firewalls on the way.",
        ),
        "untrusted": (
            f"whose certificate is not trusted{detail}",
            f"Set {variable('CERTIFICATE', 'tls: ca_file')} to the file of the authority that signed it.",
        ),
        "no tls": (f"but no TLS is spoken there{detail}", f"Write http:// in {endpoint}."),
        "tls": ("but only TLS is spoken there", f"Write https:// in {endpoint}."),
        "speaks http": (
            "but that port speaks HTTP, not gRPC",
            f"For HTTP, {http_instead}; for gRPC, set {endpoint} to its port, usually 4317.",
        ),
        "speaks grpc": (
            "but that port speaks gRPC, not HTTP",
            f"For gRPC, {grpc_instead}; for HTTP, set {endpoint} to its port, usually 4318.",
        ),
        "unauthorized": (
            f"which does not let us in{detail}",
            f"Give the key it wants in {variable('HEADERS', 'headers')}, like authorization=Bearer%20KEY.",
        ),
        "not otlp": (
            f"which takes no {signals}{detail}",
            f"Set {endpoint} to an OTLP receiver, and see that it has a pipeline for {signals}.",
        ),
        "failed": (f"which failed{detail}", f"Check host and port, {host}:{port}, in {endpoint}."),
    }[answer.outcome]
    return fix(signals, f"{to}, {says}", do)
