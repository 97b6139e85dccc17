"""Figures for Prometheus: what the store is asked, and what it is waiting for.

With several workers the figures of all of them are added up through files in the folder that
`PROMETHEUS_MULTIPROC_DIR` names, which has to be set before this module is imported.
"""

import os
from collections.abc import Mapping
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from holdfast.observing import Observer

Mode = Literal["max", "mostrecent"]

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5)
WAITS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60)
# What a near cache has counted.
NEAR: Final = ("entries", "hits", "misses", "flushes", "invalidations")
BREAKER: Final = {"closed": 0, "half_open": 1, "open": 2}


class Measures(Observer):
    """Counts what stores tell of; `render` gives it as text."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._series: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
        self._operations = self._counter(
            "session_operations_total",
            "Operations answered by the session store",
            ("operation", "store", "status"),
        )
        self._seconds = Histogram(
            "session_operation_duration_seconds",
            "Time in which the session store answered",
            ("operation", "store"),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._retries = self._counter(
            "session_operation_retries_total", "Operations sent again", ("operation", "store")
        )
        self._waits = Histogram(
            "session_lease_wait_seconds",
            "Time for which callers waited for a lease",
            ("store", "granted"),
            buckets=WAITS,
            registry=self._registry,
        )
        self._active = self._gauge("active_sessions", "Live sessions", "mostrecent")
        self._breaker = self._gauge(
            "session_store_breaker_state", "0 closed, 1 half open, 2 open", "max"
        )
        self._oldest = self._gauge(
            "session_near_cache_oldest_seconds", "Age of the oldest snapshot kept near", "max"
        )
        self._statistics = Gauge(
            "session_store_statistics",
            "What the backend counts inside: batches, their sizes, who waits",
            ("store", "figure"),
            registry=self._registry,
            multiprocess_mode="livesum",
        )

    def operation_finished(
        self, *, operation: str, store: str, status: str, seconds: float
    ) -> None:
        """Count one answer."""
        known = self._series.get((operation, store, status))
        if known is None:
            known = self._series[operation, store, status] = (
                self._operations.labels(operation, store, status),
                self._seconds.labels(operation, store),
            )
        known[0].inc()
        known[1].observe(seconds)

    def operation_retried(self, *, operation: str, store: str, attempt: int) -> None:
        """Count one repetition."""
        self._retries.labels(operation, store).inc()

    def breaker_moved(self, *, store: str, state: str) -> None:
        """Note where the breaker stands."""
        self._breaker.labels(store).set(BREAKER[state])

    def lease_waited(self, *, store: str, seconds: float, granted: bool) -> None:
        """Count one wait."""
        self._waits.labels(store, str(granted).lower()).observe(seconds)

    def begin(self, store: str) -> None:
        """Show a store from the start."""
        self._breaker.labels(store).set(BREAKER["closed"])

    def note(
        self,
        store: str,
        *,
        active: int | None,
        statistics: Mapping[str, int],
        near_cache: Mapping[str, float],
    ) -> None:
        """Note what is asked for when somebody looks. Nothing is said of what is not known."""
        if active is not None:
            self._active.labels(store).set(active)
        if near_cache:
            self._oldest.labels(store).set(near_cache["oldest_seconds"])
        near = {f"near_{figure}": near_cache[figure] for figure in NEAR if near_cache}
        for figure, value in {**statistics, **near}.items():
            self._statistics.labels(store, figure).set(value)

    def render(self) -> bytes:
        """Write everything in the text format."""
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        gathered = CollectorRegistry()
        MultiProcessCollector(gathered)  # type: ignore[no-untyped-call]
        return generate_latest(gathered)

    def _counter(self, name: str, meaning: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, meaning, labels, registry=self._registry)

    def _gauge(self, name: str, meaning: str, mode: Mode) -> Gauge:
        return Gauge(name, meaning, ("store",), registry=self._registry, multiprocess_mode=mode)
