"""Metrics of the service for Prometheus: a fixed number of series, whatever callers send."""

import os
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCY_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Telemetry:
    """The counters of one worker; workers share them through files, so that each can report all."""

    def __init__(self, model: dict[str, str], categories: Iterable[str] = ()) -> None:
        """Create counters at zero: of the *model*, by its labels, and of columns with *categories*."""
        self._registry = CollectorRegistry()
        labels = ["route", "status"]
        self._requests = Counter("scoring_requests", "Requests answered.", labels, registry=self._registry)
        self._seconds = Histogram(
            "scoring_request_seconds", "Time to answer.", ["route"], buckets=LATENCY_BUCKETS, registry=self._registry
        )
        self._counted: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._rows = Counter("scoring_rows", "Rows scored.", registry=self._registry)
        self._unknown = Counter(
            "scoring_unknown_categories", "Values that the model never saw.", ["column"], registry=self._registry
        )
        for column in categories:
            self._unknown.labels(column)
        self._logged = Counter("scoring_log_rows", "Rows in the prediction log.", registry=self._registry)
        self._dropped = Counter(
            "scoring_log_dropped", "Rows that the prediction log had no room for.", registry=self._registry
        )
        started = Gauge(
            "scoring_start_time_seconds", "When the service started.", registry=self._registry, multiprocess_mode="max"
        )
        started.set_to_current_time()
        info = Gauge("scoring_model", "The model.", list(model), registry=self._registry, multiprocess_mode="max")
        info.labels(**model).set(1)

    def count(self, route: str, status: int, seconds: float) -> None:
        """Count a request; *route* is a path of the service, never one that a caller made up."""
        counted = self._counted.get((route, status))
        if counted is None:  # to find the two by their labels takes as long as to count
            counted = self._counted[route, status] = self._requests.labels(route, status), self._seconds.labels(route)
        counted[0].inc()
        counted[1].observe(seconds)

    def rows(self, number: int, unknown: Mapping[str, int]) -> None:
        """Count scored rows, and the *unknown* categories in each of their columns."""
        self._rows.inc(number)
        for column, count in unknown.items():
            self._unknown.labels(column).inc(count)

    def logged(self, rows: int, dropped: int) -> None:
        """Count rows that were written to the prediction log, and rows that it had no room for."""
        self._logged.inc(rows)
        if dropped:
            self._dropped.inc(dropped)

    def show(self) -> bytes:
        """Return the metrics of all workers in the text format of Prometheus."""
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it registers itself
        return generate_latest(registry)
