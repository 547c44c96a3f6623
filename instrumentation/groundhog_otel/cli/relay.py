"""``groundhog alerts relay``: links to the very traces, put into alerts on their way to Alertmanager."""

from __future__ import annotations

import logging
import time

from groundhog_otel.alerts import AlertError
from groundhog_otel.alerts.relay import Addresses, Relay, server

__all__ = ("relay",)


def relay(
    *,
    listen: str = "127.0.0.1:9095",
    alertmanager: str = "http://127.0.0.1:9093",
    prometheus: str = "http://127.0.0.1:9090",
    jaeger: str = "http://127.0.0.1:16686",
    wait: float = 5.0,
) -> None:
    """Pass Prometheus' alerts on to Alertmanager, each with a link to its very trace.

    Name it in prometheus.yml, below alerting, alertmanagers, in place of Alertmanager.

    Parameters
    ----------
    listen
        Where Prometheus finds it.
    alertmanager
        Who gets the alerts.
    prometheus
        Who knows the exemplars of the alerts' metrics.
    jaeger
        Who has the traces.
    wait
        Seconds that a new alert waits for its trace, which comes some seconds after it; 5 at most.
    """
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise AlertError(f"--listen: {listen!r} is no address to listen on. Write 127.0.0.1:9095")
    passes_on = Relay(Addresses(alertmanager, prometheus, jaeger).checked(), wait_s=max(0.0, min(wait, 5.0)))
    handler = logging.StreamHandler()
    shape = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    shape.converter = time.gmtime
    handler.setFormatter(shape)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        listening = server((host, int(port)), passes_on)
    except OSError as error:
        raise AlertError(f"--listen: cannot listen on {listen} ({error.strerror}); choose another") from None
    with listening:
        logging.getLogger(__name__).info("alerts come in at http://%s and go to %s", listen, alertmanager)
        listening.serve_forever()


if __name__ == "__main__":
    import cyclopts

    cyclopts.run(relay)
