"""What users hold: the sessions of one model in one namespace of a backend.

Absent is `None`, `False` or `SessionNotFound`; failure is an exception, always. Every method may
raise `StoreUnavailable`, which says nothing about whether a session exists, and `InvalidSession`
for an argument that breaks a rule. Those that read may raise `DecryptionFailed` and
`SessionRolledBack`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from itertools import islice
from typing import Final, Self, TypeVar

from holdfast.answers import refusal
from holdfast.backend import (
    Backend,
    Count,
    Counted,
    Found,
    List,
    Listed,
    Purge,
    Purged,
    Read,
    Record,
)
from holdfast.change import Applied
from holdfast.clock import MICROSECONDS, SYSTEM_CLOCK, Clock
from holdfast.drafts import Drafts
from holdfast.errors import DecryptionFailed, HoldfastError, InvalidSession
from holdfast.health import Health, Stats
from holdfast.holding import Holdings, Lease
from holdfast.keyring import Keyring
from holdfast.lease import Leases
from holdfast.near_cache import NearCache
from holdfast.observing import Observer
from holdfast.paging import Page, read_cursor, write_cursor
from holdfast.probing import PROBES, probe
from holdfast.session import SessionFilter, check_session_id
from holdfast.sessions import M
from holdfast.terms import Terms

MAX_PAGE: Final = 1000
MAX_PURGED: Final = 10_000
# How many operations of one batch call wait at the same time.
BATCH_SLICE: Final = 256
# Between two looks of a watcher at a session that should have ended, in seconds.
SHORTEST_LOOK: Final = 0.02
LONGEST_LOOK: Final = 1.0

A = TypeVar("A")
R = TypeVar("R")


class SessionStore(Drafts[M]):
    """Sessions as users hold them; open it with `async with`, share it between all tasks."""

    def __init__(
        self,
        backend: Backend,
        *,
        model: type[M],
        keys: Keyring,
        terms: Terms = Terms(),
        observers: Iterable[Observer] = (),
        clock: Clock = SYSTEM_CLOCK,
        near_cache: NearCache[M] | None = None,
    ) -> None:
        super().__init__(backend, model=model, keys=keys, terms=terms, near_cache=near_cache)
        self.leases = Leases(
            backend, namespace=terms.namespace, entropy=self._entropy, observers=observers
        )
        self._holdings = Holdings(self.leases, apply=self.apply)
        self._clock = clock
        self._unreadable = 0

    @property
    def backend(self) -> Backend:
        """What answers the operations; powers made of the store ask it directly."""
        return self._backend

    @property
    def terms(self) -> Terms:
        """The terms on which sessions are kept."""
        return self._terms

    @property
    def near_cache(self) -> Mapping[str, float]:
        """What the near cache has counted; empty where there is none."""
        return {} if self._near is None else self._near.statistics()

    async def __aenter__(self) -> Self:
        await self._backend.__aenter__()
        self._holdings.reopen()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        try:
            await self._holdings.aclose()
        finally:
            await self._backend.__aexit__(*exc_info)

    async def get_batch(self, ids: Iterable[str]) -> dict[str, M | None]:
        """Read several sessions; None for each that is absent."""
        return await _in_slices(_checked(ids), _itself, self.get)

    async def set_batch(self, sessions: Iterable[M]) -> dict[str, Applied | HoldfastError]:
        """Put several snapshots in place, each on its own; what was refused is its error."""

        async def put(session: M) -> Applied | HoldfastError:
            try:
                return await self.set(session)
            except HoldfastError as exc:
                return exc

        return await _in_slices(sessions, lambda session: session.session_id, put)

    async def delete_batch(self, ids: Iterable[str]) -> dict[str, bool]:
        """End several sessions; False for each that was absent."""
        return await _in_slices(_checked(ids), _itself, self.delete)

    async def list_active(
        self, *, filter: SessionFilter | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[M]:
        """List live sessions in the order of creation, a page at a time.

        Sessions that cannot be opened are skipped, and counted in `get_stats`.
        """
        if type(limit) is not int or not 1 <= limit <= MAX_PAGE:
            raise InvalidSession("limit", f"must be an integer from 1 to {MAX_PAGE}")
        where = self._encoder.where(filter)
        operation = List(self._terms.namespace, limit, read_cursor(cursor), where)
        match await self._backend.execute(operation):
            case Listed(rows, position):
                opened = (self._open_or_skip(session_id, record) for session_id, record in rows)
                readable = tuple(session for session in opened if session is not None)
                return Page(readable, write_cursor(position))
            case outcome:
                raise refusal("", operation, outcome)

    async def count_active(self) -> int:
        """Count live sessions exactly."""
        operation = Count(self._terms.namespace)
        match await self._backend.execute(operation):
            case Counted(sessions):
                return sessions
            case outcome:
                raise refusal("", operation, outcome)

    async def cleanup_expired(self, limit: int = MAX_PAGE) -> int:
        """Collect up to `limit` expired sessions, the oldest deadline first; say how many."""
        if type(limit) is not int or not 1 <= limit <= MAX_PURGED:
            raise InvalidSession("limit", f"must be an integer from 1 to {MAX_PURGED}")
        operation = Purge(self._terms.namespace, limit)
        # A probe that failed half way leaves its private session behind.
        await self._backend.execute(Purge(PROBES, limit))
        match await self._backend.execute(operation):
            case Purged(session_ids):
                for session_id in session_ids:
                    self._decoder.forget(session_id)
                return len(session_ids)
            case outcome:
                raise refusal("", operation, outcome)

    # Waiting for a session

    def lease(
        self, session_id: str, *, ttl: float = 30, wait: float = 10, steal: bool = False
    ) -> AbstractAsyncContextManager[Lease]:
        """Hold the session for the block, alone across all processes.

        It waits up to `wait` seconds, is renewed at a third of `ttl` until the block ends, and is
        lost loudly: the block is cancelled and `LeaseLost` raised. `steal` takes the session over
        at once. A second lease on it in the same task raises instead of waiting for itself.

        Raises:
            LeaseUnavailable: the session was not free in time.
            SessionNotFound: there is no such session.
        """
        self._key(session_id)
        return self._holdings.hold(session_id, ttl=ttl, wait=wait, steal=steal)

    async def watch(self, session_id: str) -> AsyncIterator[int]:
        """Give the session's revision now, and again when it has moved; end when it ends.

        This is a wake-up: revisions in between may be left out, so read the session again.
        """
        key = self._key(session_id)
        seen: tuple[str, int] | None = None
        pause = SHORTEST_LOOK
        with self._backend.listen(key) as bell:
            while True:
                outcome = await self._backend.execute(Read(key))
                if not isinstance(outcome, Found):
                    return
                record = outcome.record
                if seen is not None and seen[0] != record.incarnation:
                    return
                if seen is None or record.revision > seen[1]:
                    seen = record.incarnation, record.revision
                    yield record.revision
                left = (record.expires - self._clock.wall()) / MICROSECONDS
                rang = await bell.rung(max(left, pause))
                # Where the store's clock says that the end is still to come, look less and less.
                overdue = left <= 0 and not rang
                pause = min(2 * pause, LONGEST_LOOK) if overdue else SHORTEST_LOOK

    # The store itself

    async def health_check(self) -> Health:
        """Write, read and delete a private session, and say how that went."""
        return await probe(self._backend, self._entropy)

    async def get_stats(self) -> Stats:
        """Count what this store has and did in this process."""
        return Stats(
            store_type=self._backend.name,
            namespace=self._terms.namespace,
            active_sessions=await self.count_active(),
            encryption="AES-256-GCM",
            key_ids=tuple(key.key_id for key in self._keys),
            cached_snapshots=len(self._decoder),
            leases_held=len(self._holdings),
            unreadable_sessions=self._unreadable,
            rollbacks=self._marks.rollbacks,
            backend=self._backend.statistics(),
            near_cache=self.near_cache,
        )

    def _open_or_skip(self, session_id: str, record: Record) -> M | None:
        try:
            return self._open(session_id, record)
        except DecryptionFailed:
            self._unreadable += 1
            return None


async def _in_slices(
    arguments: Iterable[A], name: Callable[[A], str], call: Callable[[A], Awaitable[R]]
) -> dict[str, R]:
    """Make many calls, a bounded number of them at the same time."""
    remaining = iter(arguments)
    answers: dict[str, R] = {}
    while chosen := list(islice(remaining, BATCH_SLICE)):
        made = await asyncio.gather(*(call(argument) for argument in chosen))
        answers.update(zip(map(name, chosen), made, strict=True))
    return answers


def _checked(ids: Iterable[str]) -> list[str]:
    """Refuse all of a batch for one impossible id, before anything is done."""
    return [check_session_id(session_id) for session_id in ids]


def _itself(session_id: str) -> str:
    return session_id
