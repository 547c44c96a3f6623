"""The faults: one for each detector, by the detector's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ("CLEAN", "CLIENT", "FAULTS", "SERVER", "Fault", "Transport")

Transport = Literal["stdio", "http"]

CLEAN: Final = "none"
SERVER: Final = "fault-server"
CLIENT: Final = "fault-client"


@dataclass(frozen=True, slots=True)
class Fault:
    """How a fault is recorded, and what is to be found."""

    target: str
    """What its findings are about."""
    transport: Transport = "http"


FAULTS: Final = {
    "repeated_calls": Fault("tools/call rates"),
    "uncached_lists": Fault("tools/list", "stdio"),
    "large_payloads": Fault("tools/call export", "stdio"),
    "cpu_bound": Fault("tools/call checksum", "stdio"),
    "sequential_calls": Fault("brief"),
    "n_plus_one": Fault("invoice", "stdio"),
    "retries": Fault("tools/call quote"),
    "connection_churn": Fault(""),
    "cold_start": Fault("tools/call predict", "stdio"),
    "blocking_call": Fault("tools/call render"),
    "worker_threads": Fault("tools/call scan"),
    "gc_pauses": Fault(""),
    "contention": Fault("tools/call reserve"),
    "contrast": Fault("tools/call balance"),
    "tail_amplification": Fault("gather"),
}
