"""What a store says of itself."""

from collections.abc import Mapping
from typing import NamedTuple


class Health(NamedTuple):
    """The outcome of a probe: a session of its own written, read and deleted.

    `checks` says which steps worked, `seconds` how long all took, `error` what went wrong.
    """

    healthy: bool
    checks: Mapping[str, bool]
    seconds: float
    error: str | None = None


class Stats(NamedTuple):
    """Facts and counters of one store in this process.

    `backend` holds what the backend counts: batches, retries, evictions; `near_cache` hits and
    misses, invalidations and flushes, and the age of its oldest snapshot in seconds (empty where
    there is none).
    """

    store_type: str
    namespace: str
    active_sessions: int
    encryption: str
    key_ids: tuple[str, ...]
    cached_snapshots: int
    leases_held: int
    unreadable_sessions: int
    rollbacks: int
    backend: Mapping[str, int]
    near_cache: Mapping[str, float] = {}
