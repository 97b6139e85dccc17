"""Holdfast: the session layer for AI agents."""

from holdfast.change import Applied, Change, Item
from holdfast.errors import (
    BudgetExceeded,
    DecryptionFailed,
    FlagTaken,
    HoldfastError,
    InvalidKeyring,
    InvalidSession,
    InvalidStore,
    LeaseLost,
    LeaseUnavailable,
    LimitReached,
    ReservationNotFound,
    RevisionConflict,
    SessionExists,
    SessionNotFound,
    SessionRolledBack,
    StoreUnavailable,
)
from holdfast.health import Health, Stats
from holdfast.holding import Lease
from holdfast.keyring import Keyring
from holdfast.observing import Observer
from holdfast.opening import (
    InMemorySessionStore,
    RedisSessionStore,
    SQLiteSessionStore,
    open_store,
)
from holdfast.paging import Page
from holdfast.session import (
    Counter,
    Counters,
    Fingerprint,
    Flag,
    Session,
    SessionFilter,
    SupportSession,
)
from holdfast.store import SessionStore

__version__ = "0.1.0"

__all__ = [
    "Applied",
    "BudgetExceeded",
    "Change",
    "Counter",
    "Counters",
    "DecryptionFailed",
    "Fingerprint",
    "Flag",
    "FlagTaken",
    "Health",
    "HoldfastError",
    "InMemorySessionStore",
    "InvalidKeyring",
    "InvalidSession",
    "InvalidStore",
    "Item",
    "Keyring",
    "Lease",
    "LeaseLost",
    "LeaseUnavailable",
    "LimitReached",
    "Observer",
    "Page",
    "RedisSessionStore",
    "ReservationNotFound",
    "RevisionConflict",
    "SQLiteSessionStore",
    "Session",
    "SessionExists",
    "SessionFilter",
    "SessionNotFound",
    "SessionRolledBack",
    "SessionStore",
    "Stats",
    "StoreUnavailable",
    "SupportSession",
    "open_store",
]
