"""What can be asked of a backend. Times are whole microseconds; see `holdfast.backend`."""

from collections.abc import Mapping
from typing import NamedTuple


class Add(NamedTuple):
    """Move one counter by `delta`, staying within 0 and `limit`.

    One whose name holds a dot (`holdfast.change.MEMBER`) is of a family, and is not kept at 0.
    """

    name: str
    delta: int
    limit: int


class Create(NamedTuple):
    """Bring a session into being → `Created`, or `Existing`.

    A repeated create (the same incarnation) is answered like the first. `minted` says that the id
    was made for it: no other session can have had it.
    """

    key: str
    incarnation: str
    ttl: int
    max_age: int
    user_tag: bytes
    integers: Mapping[str, int]
    values: Mapping[bytes, bytes]
    minted: bool = False


class Read(NamedTuple):
    """Look at a session → `Found` or `Absent`.

    With `tracked` the near cache is told when the session moves next, where the backend has one.
    """

    key: str
    tracked: bool = False


class Apply(NamedTuple):
    """Change a session → `Changed`, or a refusal that left everything as it was.

    Checked in this order: absent → known change id → lease → revision → limits → flags → size.
    `digest` tells whether a known change id comes with the same content; what was remembered under
    another key of the ring matches one of `older_digests`. The change id has to be
    recognised later only when `remember` says so; it is "" where nothing needs one. `replace` puts
    `set` and `put` in the place of all values and integers, provided that the session's user is
    one of `user_tags`; the first of these is how it is known from then on. `ttl` starts a new idle
    time. `repeated` says that it may have been sent before, when the session was at
    `known_revision` of `known_incarnation` (where that is known) or later: a change id that is not
    known is then `Forgotten` where the session does not remember its changes back to there, or is
    another incarnation. `minted` says that the change id was made for this change: unless it is
    `repeated`, no session can know it.
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
    user_tags: tuple[bytes, ...] = ()
    ttl: int | None = None
    older_digests: tuple[bytes, ...] = ()
    known_revision: int = 0
    repeated: bool = False
    known_incarnation: str | None = None
    minted: bool = False

    def repeats(self, digest: bytes) -> bool:
        """Say whether a change that was remembered with `digest` had the same content."""
        return digest == self.digest or digest in self.older_digests


class Touch(NamedTuple):
    """Record activity → `Found` or `Absent`; never a value, never the revision.

    With `slide` the idle time starts again; with `ttl` it starts again and is that long.
    """

    key: str
    slide: bool = False
    ttl: int | None = None


class Delete(NamedTuple):
    """End a session, log, lease and remembered changes included → `Deleted` or `Conflict`.

    Where answers can be lost, a repetition with the same `change_id` is answered like the first
    that ended a session for a while, and does not end one that has come into being since.
    """

    key: str
    expect_incarnation: str | None = None
    expect_revision: int | None = None
    change_id: str = ""


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


class KeepDraft(NamedTuple):
    """Put a note beside the session → `DraftKept`, `Absent` or `LeaseGone`; b"" takes it away.

    It is no change: it has no revision, moves no time, is not told as an event, and nothing is
    refused for it. It rings, and ends with the session. With `lease_token` the lease must be held.
    """

    key: str
    sealed: bytes
    lease_token: str | None = None


class ReadDraft(NamedTuple):
    """Read the note beside the session → `DraftFound` or `Absent`."""

    key: str


class Swap(NamedTuple):
    """The value `resealed` under `new_tag`, in the place of `sealed` under `tag`."""

    tag: bytes
    sealed: bytes
    new_tag: bytes
    resealed: bytes


class SwapItem(NamedTuple):
    """The item `resealed`, in the place of `sealed` under the same number and origin."""

    number: int
    sealed: bytes
    resealed: bytes


class Reseal(NamedTuple):
    """Put ciphertext in the place of other ciphertext that says the same → `Resealed` or `Absent`.

    Each part only where it is still, byte for byte, what it is to take the place of: what has been
    written anew meanwhile stays. It is no change: it has no revision, moves no time, rings nobody,
    is not told as an event, and nothing is refused for it. `draft` and `user_tags` are what is
    there and what is to be there.
    """

    key: str
    values: tuple[Swap, ...] = ()
    items: tuple[SwapItem, ...] = ()
    draft: tuple[bytes, bytes] | None = None
    user_tags: tuple[bytes, bytes] | None = None


class Acquire(NamedTuple):
    """Take the lease → `Granted`, `Held` or `Absent`. The token's own lease is granted again.

    With `waits` a token that does not get it stands in line, where the backend keeps one between
    processes; it has to ask again within `Held.beat`, or leaves the line.
    """

    key: str
    token: str
    ttl: int
    steal: bool = False
    waits: bool = False


class Renew(NamedTuple):
    """Start the lease's time again → `Granted`, `LeaseGone` or `Absent`."""

    key: str
    token: str
    ttl: int


class Release(NamedTuple):
    """Give the lease back if it is this token's, or leave the line for it → `Released`."""

    key: str
    token: str


class Take(NamedTuple):
    """Take `cost` from a rate limit → `Allowance`. The key names a limit, not a session.

    One unit flows back every `interval` microseconds, `burst` units at most are saved up. A cost
    below 0 gives units back.
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
    Create | Read | Apply | Touch | Delete | ReadItems | Drop | KeepDraft | ReadDraft | Reseal
    | Acquire | Renew | Release | Take | Count | List | Purge
)  # fmt: skip


def operation_name(operation: Operation) -> str:
    """Name an operation in metrics."""
    return type(operation).__name__.lower()
