"""Metrics for Prometheus: of one worker, or of all of them together.

Workers that run beside each other share their numbers through files in the folder that `PROMETHEUS_MULTIPROC_DIR`
names, as the Prometheus client prescribes; whichever worker is asked then answers for all. Memory and processor time
of the process are only told where there is one.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

SHARED = "PROMETHEUS_MULTIPROC_DIR"

_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """What the service counts. No name, no content and no address of a user is among it."""

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
            "Pictures by outcome: read, a refusal's code, or a problem's.",
            ("outcome",),
            registry=registry,
        )
        self.reading_seconds = Histogram(
            "inkread_reading_seconds",
            "From a thread's taking a picture to its answer.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.waiting = Gauge(
            "inkread_waiting", "Pictures that wait or are read.", registry=registry, multiprocess_mode="livesum"
        )
        self.held_bytes = Gauge(
            "inkread_held_bytes", "Uploads in memory.", registry=registry, multiprocess_mode="livesum"
        )

    def text(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call] # it ships no type of its own
        return generate_latest(everyone)
