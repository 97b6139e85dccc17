"""The contract of a backend: operations in, outcomes out, each whole or not at all.

All values are small and immutable. Times are whole microseconds: `created`, `base`, `cap` count
from 1970 by the store's clock, `ttl` and `remaining` are durations. A `key` is
`<namespace>/<session id>`; neither part can contain a slash.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol, Self

from holdfast.bells import Bell
from holdfast.change import MEMBER
from holdfast.events import Event
from holdfast.operations import (
    Acquire,
    Add,
    Apply,
    Count,
    Create,
    Delete,
    Drop,
    KeepDraft,
    List,
    Operation,
    Purge,
    Read,
    ReadDraft,
    ReadItems,
    Release,
    Renew,
    Reseal,
    Swap,
    SwapItem,
    Take,
    Touch,
    Where,
)
from holdfast.outcomes import (
    REFUSALS,
    Absent,
    Allowance,
    Changed,
    ChangeIdReused,
    Conflict,
    Counted,
    Created,
    Deleted,
    DraftFound,
    DraftKept,
    Dropped,
    Existing,
    FlagUp,
    Forgotten,
    Found,
    Granted,
    Held,
    ItemsFound,
    LeaseGone,
    Listed,
    Outcome,
    OverLimit,
    Purged,
    Released,
    Resealed,
    TooLarge,
    UserDiffers,
)
from holdfast.records import (
    Record,
    StoredItem,
)

__all__ = [
    "MEMBER",
    "REFUSALS",
    "Absent",
    "Acquire",
    "Add",
    "Allowance",
    "Apply",
    "Backend",
    "ChangeIdReused",
    "Changed",
    "Conflict",
    "Count",
    "Counted",
    "Create",
    "Created",
    "Delete",
    "Deleted",
    "DraftFound",
    "DraftKept",
    "Drop",
    "Dropped",
    "Existing",
    "FlagUp",
    "Forgotten",
    "Found",
    "Granted",
    "Held",
    "ItemsFound",
    "KeepDraft",
    "LeaseGone",
    "List",
    "Listed",
    "Operation",
    "Outcome",
    "OverLimit",
    "PartOf",
    "Purge",
    "Purged",
    "Read",
    "ReadDraft",
    "ReadItems",
    "Record",
    "Release",
    "Released",
    "Renew",
    "Reseal",
    "Resealed",
    "StoredItem",
    "Swap",
    "SwapItem",
    "Take",
    "TooLarge",
    "Touch",
    "UserDiffers",
    "Where",
]


# Names the part of a backend that answers an operation; "" where it takes more than one.
PartOf = Callable[[Operation], str]


class Backend(Protocol):
    """Runs operations on sessions, each whole or not at all.

    `name` is what metrics call it. `answers_can_be_lost` is True where an operation may be applied
    and its answer still not arrive (a network); changes then have to be remembered for a retry.
    """

    name: str
    answers_can_be_lost: bool

    @property
    def part_of(self) -> PartOf | None:
        """Name the part that answers, where parts fail alone (nodes of a cluster); else None."""
        ...

    def execute(self, operation: Operation) -> Coroutine[Any, Any, Outcome]:
        """Answer one operation.

        A refusal (absent, conflict, limit) is an outcome, not an exception.

        Raises:
            StoreUnavailable: it was not applied, or (outcome="unknown") nobody can tell.
        """
        ...

    def listen(self, key: str) -> AbstractContextManager[Bell]:
        """Ring when the session, its draft or its lease may have changed, or it may have ended.

        Whatever happens after the listening began rings; a bell may also ring for nothing.
        """
        ...

    def line_up(self, key: str, token: str) -> AbstractContextManager[Bell]:
        """Ring when it may be this token's turn to acquire the session's lease.

        A bell may also ring for nothing; the release of a lease rings for one process at least.
        """
        ...

    def events(self, namespace: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Tell what happens to the sessions of a namespace, in whichever process, from now on.

        Each creation and each end is told exactly once, a change at least until the next one; an
        expired session ends when it is collected. Where that cannot be held (an outage, a watcher
        who does not keep up) the event is `lost`. The iterator ends when the backend closes.

        Raises:
            StoreUnavailable: the backend cannot be asked to tell.
        """
        ...

    def statistics(self) -> Mapping[str, int]:
        """Count what has happened inside: batches, evictions, waiting operations."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...
