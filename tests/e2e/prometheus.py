"""A Prometheus of a test's own, beside the stack's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from groundhog_otel.pipeline.processes import stop
from tests.e2e.conftest import free_ports
from tests.e2e.started import started


@contextmanager
def scraping(program: Path, folder: Path, targets: Sequence[int], *flags: str) -> Iterator[int]:
    """Scrape ports of loopback every second, as ``deploy/prometheus`` does; yield Prometheus' own port."""
    folder = folder / "prometheus"
    folder.mkdir()
    config = folder / "prometheus.yml"
    job = {
        "job_name": "otel-collector",
        "honor_labels": True,
        "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in targets]}],
    }
    config.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}), "utf-8")
    port = free_ports()["prometheus"]
    running = started(
        "prometheus",
        [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
            *flags,
        ],
        folder=folder,
        health=f"http://127.0.0.1:{port}/-/ready",
    )
    try:
        yield port
    finally:
        stop(running)
