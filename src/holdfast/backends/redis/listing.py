"""What concerns all sessions of a namespace: listed, counted, collected. Nothing here scans."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from holdfast.backend import Count, Counted, List, Listed, Purge, Purged, Record, Where
from holdfast.backends.redis.calling import Caller, Place
from holdfast.backends.redis.damage import unreadable
from holdfast.backends.redis.indices import ANY, Index, Part, Position, parts_of
from holdfast.backends.redis.keys import (
    CHANGES,
    DRAFT,
    INDEX,
    LEASE,
    LINE,
    LOG,
    OLDER_CHANGES,
    SESSION,
    bucket_of,
    key,
)
from holdfast.backends.redis.link import Command, Refused, Reply
from holdfast.backends.redis.packing import Damaged, unpack_fields
from holdfast.backends.redis.resp import encode
from holdfast.backends.redis.scripts import Script, script
from holdfast.backends.redis.users import Users
from holdfast.backends.scan import MAX_SCANNED, matches

# How many sessions are looked at together.
AT_ONCE: Final = 256
LIVES: Final = 0
COLLECTED: Final = 1
# The error's code where a key is no hash.
WRONG_KIND: Final = "WRONGTYPE"
ENDING: Final = (SESSION, LOG, CHANGES, OLDER_CHANGES, LEASE, LINE, *INDEX, DRAFT)

Ids = list[str]
Looked = list[Record | None]
Replies = list[Reply]
Statuses = list[int]
# The deadline and the creation of a session, in milliseconds, and its id.
Due = tuple[int, int, bytes]
Parts = Mapping[Part, Sequence[Position]]


class Listing:
    """Lists, counts and collects."""

    def __init__(self, caller: Caller, users: Users) -> None:
        self._caller = caller
        self._users = users

    async def list(self, operation: List) -> Listed:
        """List a page."""
        index, after = self._index(operation)
        rows: dict[str, Record] = {}
        looked = 0
        while looked < MAX_SCANNED:
            want = min(operation.limit - len(rows), AT_ONCE, MAX_SCANNED - looked)
            positions, ended, parts = await index.stretch(after, want)
            found = await self._look(operation.namespace, positions)
            for position, record in zip(positions, found, strict=True):
                if record is not None and self._belongs(record, position, operation, parts):
                    rows[position[1]] = record
            if ended:
                return Listed(tuple(rows.items()), None)
            after = positions[-1]
            looked += len(positions)
            if len(rows) == operation.limit:
                break
        return Listed(tuple(rows.items()), after)

    def _index(self, operation: List) -> tuple[Index, Position]:
        namespace, where = operation.namespace, operation.where
        after = operation.after or (0, "")
        buckets = self._caller.buckets
        if _by_user(where):
            named = namespace.encode()
            return Index(
                self._caller, [self._users.index(named, tag) for tag in where.user_tags]
            ), after
        parts = parts_of(namespace, buckets)
        if where.created_from is not None:
            after = max(after, (where.created_from, ""))
        latest = ANY if where.created_to is None else b"%d" % where.created_to
        return Index(self._caller, parts, latest=latest), after

    def _belongs(self, record: Record, position: Position, operation: List, parts: Parts) -> bool:
        """Say whether what was found is listed here: not if the id is another session's by now.

        Nor where the user was known under an older tag once: it is listed under that of now.
        """
        where = operation.where
        if not matches(record, where):
            return False
        if not _by_user(where):
            return record.created == position[0]
        if len(where.user_tags) == 1:
            return True
        part = self._users.index(operation.namespace.encode(), record.user_tag)
        return position in parts[part]

    async def _look(self, namespace: str, positions: Sequence[Position]) -> Looked:
        names = [f"{namespace}/{session_id}".encode() for _, session_id in positions]
        buckets = [bucket_of(name, self._caller.buckets) for name in names]
        questions = (
            (bucket, Command(encode(b"HGETALL", key(bucket, SESSION, name))))
            for bucket, name in zip(buckets, names, strict=True)
        )
        found = await self._caller.send_all(questions, spared=WRONG_KIND)
        return [_record(fields, at) for fields, (at, _) in zip(found, positions, strict=True)]

    async def count(self, operation: Count) -> Counted:
        """Ask each bucket once."""
        counted = await self._ask(script("count"), operation.namespace)
        return Counted(sum(sessions for (sessions,) in counted))

    async def purge(self, operation: Purge) -> Purged:
        """Collect what is due, each session in a step of its own that looks again."""
        namespace = operation.namespace
        collected: Ids = []
        alive: set[Due] = set()
        ended = False
        while not ended and len(collected) < operation.limit:
            want = min(operation.limit - len(collected), AT_ONCE)
            found = await self._ask(script("due"), namespace, b"%d" % (want + len(alive)))
            rows = sorted(row for (flat,) in found for row in _threes(flat))
            due = [row for row in rows if row not in alive][:want]
            statuses = await self._collect(namespace, due)
            for row, status in zip(due, statuses, strict=True):
                if status == COLLECTED:
                    collected.append(row[2].decode())
                elif status == LIVES:
                    alive.add(row)
            ended = len(due) < want
        return Purged(tuple(collected))

    async def _ask(self, asked: Script, namespace: str, *terms: bytes) -> Replies:
        """Ask each bucket about its part of the index."""
        return await self._caller.send_all(
            (part.bucket, self._caller.command(asked, part.keys, terms))
            for part in parts_of(namespace, self._caller.buckets)
        )

    async def _collect(self, namespace: str, due: Sequence[Due]) -> Statuses:
        answers = await self._caller.send_all(
            self._ending(Place(f"{namespace}/{name.decode()}", self._caller.buckets), created)
            for _, created, name in due
        )
        return [status for (status,) in answers]

    def _ending(self, place: Place, created: int) -> tuple[int, Command]:
        keys = [place.key(kind) for kind in ENDING]
        return place.bucket, self._caller.command(script("purge"), keys, (b"%d" % created,))


def _threes(flat: Replies) -> Iterator[Due]:
    return zip(flat[::3], flat[1::3], flat[2::3], strict=True)


def _record(fields: dict[bytes, bytes] | Refused, created: int) -> Record | None:
    if isinstance(fields, Refused):
        return unreadable(created)
    try:
        return unpack_fields(fields)
    except Damaged:
        return unreadable(created)


def _by_user(where: Where) -> bool:
    """Say whether indices of users have all that is asked for; those without one are in none."""
    return bool(where.user_tags) and b"" not in where.user_tags
