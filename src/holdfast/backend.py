"""The contract of a backend: operations in, outcomes out, each whole or not at all.

All values are small and immutable. Times are whole microseconds: `created`, `base`, `cap` count
from 1970 by the store's clock, `ttl` and `remaining` are durations. A `key` is
`<namespace>/<session id>`; neither part can contain a slash.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, Self

from holdfast.bells import Bell


class Record(NamedTuple):
    """What a backend keeps of one session: integers that it can add, ciphertext that it cannot read.

    `base` is where the idle time starts to count, `cap` the end that nothing can move. `length` is
    the number of items in the log, `last_item` the highest number ever given to one.
    """

    incarnation: str
    revision: int
    created: int
    updated: int
    active: int
    base: int
    ttl: int
    cap: int
    user_tag: bytes
    integers: Mapping[str, int]
    values: Mapping[bytes, bytes]
    length: int = 0
    last_item: int = 0

    @property
    def expires(self) -> int:
        """The first microsecond at which the session is absent."""
        return min(self.base + self.ttl, self.cap)


class StoredItem(NamedTuple):
    """One sealed entry of a log. `origin` is the change id and the place in that change."""

    number: int
    at: int
    origin: str
    sealed: bytes


class Add(NamedTuple):
    """Move one counter by `delta`, staying within 0 and `limit`."""

    name: str
    delta: int
    limit: int


# Operations


class Create(NamedTuple):
    """Bring a session into being → `Created`, or `Existing`.

    A repeated create (the same incarnation) is answered like the first.
    """

    key: str
    incarnation: str
    ttl: int
    max_age: int
    user_tag: bytes
    integers: Mapping[str, int]
    values: Mapping[bytes, bytes]


class Read(NamedTuple):
    """Look at a session → `Found` or `Absent`."""

    key: str


class Apply(NamedTuple):
    """Change a session → `Changed`, or a refusal that left everything as it was.

    Checked in this order: absent → known change id → lease → revision → limits → flags → size.
    `digest` tells whether a known change id comes with the same content. The change id has to be
    recognised later only when `remember` says so. `replace` puts `set` and `put` in the place of
    all values and integers; `ttl` then starts a new idle time.
    """

    key: str
    change_id: str
    remember: bool = False
    digest: bytes = b""
    slide: bool = False
    set: Mapping[bytes, bytes] = {}
    unset: tuple[bytes, ...] = ()
    put: Mapping[str, int] = {}
    add: tuple[Add, ...] = ()
    claim: tuple[str, ...] = ()
    append: tuple[bytes, ...] = ()
    max_items: int = 1000
    max_bytes: int = 1 << 20
    expect_incarnation: str | None = None
    expect_revision: int | None = None
    lease_token: str | None = None
    replace: bool = False
    ttl: int | None = None


class Touch(NamedTuple):
    """Record activity → `Found` or `Absent`; never a value, never the revision.

    With `slide` the idle time starts again; with `ttl` it starts again and is that long.
    """

    key: str
    slide: bool = False
    ttl: int | None = None


class Delete(NamedTuple):
    """End a session, log, lease and remembered changes included → `Deleted` or `Conflict`."""

    key: str
    expect_incarnation: str | None = None
    expect_revision: int | None = None


class ReadItems(NamedTuple):
    """Read the log in order, numbers greater than `after` → `ItemsFound` or `Absent`."""

    key: str
    after: int
    limit: int


class Drop(NamedTuple):
    """Remove the newest item, or all → `Dropped` or `Absent`. Numbers go on; it is a change."""

    key: str
    everything: bool = False
    slide: bool = False


class Acquire(NamedTuple):
    """Take the lease → `Granted`, `Held` or `Absent`. The token's own lease is granted again."""

    key: str
    token: str
    ttl: int
    steal: bool = False


class Renew(NamedTuple):
    """Start the lease's time again → `Granted`, `LeaseGone` or `Absent`."""

    key: str
    token: str
    ttl: int


class Release(NamedTuple):
    """Give the lease back if it is this token's → `Released`."""

    key: str
    token: str


class Take(NamedTuple):
    """Take `cost` from a rate limit → `Allowance`. The key names a limit, not a session.

    One unit flows back every `interval` microseconds, `burst` units at most are saved up.
    """

    key: str
    interval: int
    burst: int
    cost: int = 1


class Count(NamedTuple):
    """Count live sessions exactly → `Counted`."""

    namespace: str


class Where(NamedTuple):
    """Restrict a listing; integers by `(name, low, high)`, both ends included."""

    user_tags: tuple[bytes, ...] = ()
    created_from: int | None = None
    created_to: int | None = None
    integers: tuple[tuple[str, int, int], ...] = ()


class List(NamedTuple):
    """List live sessions, oldest first, after the cursor `(created, session id)` → `Listed`.

    A page looks at a bounded number of sessions, so it may be short and still not the last.
    """

    namespace: str
    limit: int
    after: tuple[int, str] | None = None
    where: Where = Where()


class Purge(NamedTuple):
    """Collect up to `limit` expired sessions of a namespace, oldest deadline first → `Purged`."""

    namespace: str
    limit: int


Operation = (
    Create | Read | Apply | Touch | Delete | ReadItems | Drop | Acquire | Renew | Release | Take
    | Count | List | Purge
)  # fmt: skip


# Outcomes


class Absent(NamedTuple):
    """There is no such session: never created, deleted, or expired."""


class Created(NamedTuple):
    """The new session."""

    record: Record


class Existing(NamedTuple):
    """The session that already has the id."""

    record: Record


class Found(NamedTuple):
    """The session as it is."""

    record: Record


class Changed(NamedTuple):
    """A change was applied, or (`replayed`) had been applied under the same change id."""

    incarnation: str
    revision: int
    integers: Mapping[str, int]
    first_item: int | None
    last_item: int
    replayed: bool = False


class ChangeIdReused(NamedTuple):
    """The change id is known, with another content."""


class LeaseGone(NamedTuple):
    """The lease is not this token's any more."""


class Conflict(NamedTuple):
    """The session is at another revision, or is another incarnation, than expected."""

    found: int


class OverLimit(NamedTuple):
    """A counter would leave its range."""

    name: str
    value: int
    limit: int


class FlagUp(NamedTuple):
    """A claimed flag is up already."""

    name: str


class TooLarge(NamedTuple):
    """The values of the session would be larger than allowed, in bytes."""

    size: int
    limit: int


class Deleted(NamedTuple):
    """Whether there was a session to delete."""

    existed: bool


class ItemsFound(NamedTuple):
    """A stretch of the log."""

    items: tuple[StoredItem, ...]
    length: int
    last_item: int


class Dropped(NamedTuple):
    """The newest item that was removed; None when the log was empty or all of it was cleared."""

    item: StoredItem | None
    revision: int


class Granted(NamedTuple):
    """The lease is this token's for `remaining` more microseconds; `fence` only grows."""

    fence: int
    remaining: int


class Held(NamedTuple):
    """Somebody else has the lease for at most `remaining` more microseconds, unless renewed."""

    remaining: int


class Released(NamedTuple):
    """Whether the lease was this token's."""

    was_held: bool


class Allowance(NamedTuple):
    """Whether the cost was taken; what is left, and when it or all of it will be available."""

    allowed: bool
    remaining: int
    retry_after: int
    reset_after: int


class Counted(NamedTuple):
    """How many sessions are live."""

    sessions: int


class Listed(NamedTuple):
    """A page of `(session id, record)`; `cursor` is None at the end."""

    sessions: tuple[tuple[str, Record], ...]
    cursor: tuple[int, str] | None


class Purged(NamedTuple):
    """The ids that were collected."""

    session_ids: tuple[str, ...]


Outcome = (
    Absent | Created | Existing | Found | Changed | ChangeIdReused | LeaseGone | Conflict
    | OverLimit | FlagUp | TooLarge | Deleted | ItemsFound | Dropped | Granted | Held | Released
    | Allowance | Counted | Listed | Purged
)  # fmt: skip


class Backend(Protocol):
    """Runs operations on sessions, each whole or not at all.

    `name` is what metrics call it. `answers_can_be_lost` is True where an operation may be applied
    and its answer still not arrive (a network); changes then have to be remembered for a retry.
    """

    name: str
    answers_can_be_lost: bool

    async def execute(self, operation: Operation) -> Outcome:
        """Answer one operation.

        A refusal (absent, conflict, limit) is an outcome, not an exception.

        Raises:
            StoreUnavailable: it was not applied, or (outcome="unknown") nobody can tell.
        """

    def listen(self, key: str) -> AbstractContextManager[Bell]:
        """Ring when the session may have changed, ended, or lost its lease.

        Whatever happens after the listening began rings; a bell may also ring for nothing.
        """

    def statistics(self) -> Mapping[str, int]:
        """Count what has happened inside: batches, evictions, waiting operations."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...
