"""A Prometheus of a test's own, beside the stack's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from groundhog_otel.pipeline.ports import answers
from groundhog_otel.pipeline.processes import is_alive, last_words, start, stop
from tests.e2e.conftest import eventually, free_ports


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
    running = start(
        "Prometheus",
        [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
            *flags,
        ],
        log=folder / "prometheus.log",
        cwd=folder,
    )

    def ready() -> bool:
        assert is_alive(running), last_words(running)
        return answers(f"http://127.0.0.1:{port}/-/ready")

    try:
        eventually(ready, within_s=30, what="Prometheus ready")
        yield port
    finally:
        stop(running)
