"""Metrics for Prometheus, of one worker or of all workers together.

Several workers share their numbers through files in the folder that `PROMETHEUS_MULTIPROC_DIR` names, as the Prometheus
client requires. Any worker then answers for all of them. Memory and processor time are only included with one worker.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from inkread.web.listening import SHARED

_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """The metrics of the service. They contain no names, no contents and no addresses of users."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        if SHARED not in os.environ:
            ProcessCollector(registry=registry)
        self.requests = Counter(
            "inkread_requests", "Requests by path and status.", ("path", "status"), registry=registry
        )
        self.request_seconds = Histogram(
            "inkread_request_seconds",
            "From the first byte of a request to its answer.",
            ("path",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.pictures = Counter(
            "inkread_pictures",
            "Pictures by outcome: read, or the code of a refusal or problem.",
            ("outcome",),
            registry=registry,
        )
        self.reading_seconds = Histogram(
            "inkread_reading_seconds",
            "From the start of reading a picture to its answer, without the time in the queue.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.waiting = Gauge(
            "inkread_waiting", "Pictures that wait or are being read.", registry=registry, multiprocess_mode="livesum"
        )
        self.held_bytes = Gauge(
            "inkread_held_bytes", "Bytes of uploads in memory.", registry=registry, multiprocess_mode="livesum"
        )

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)
