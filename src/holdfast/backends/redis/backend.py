"""The Redis backend: one operation is one call of a script in one slot, or a plain read."""

import secrets
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Final, Self

from holdfast.backend import (
    Acquire,
    Apply,
    Count,
    Create,
    Delete,
    Drop,
    KeepDraft,
    List,
    Operation,
    Outcome,
    PartOf,
    Purge,
    Read,
    ReadDraft,
    ReadItems,
    Release,
    Renew,
    Reseal,
    Take,
    Touch,
)
from holdfast.backends.entering import already_open
from holdfast.backends.redis.calling import Caller
from holdfast.backends.redis.changing import Changing
from holdfast.backends.redis.damage import unusable
from holdfast.backends.redis.drafting import Drafting
from holdfast.backends.redis.leasing import Leasing
from holdfast.backends.redis.limiting import Limiting
from holdfast.backends.redis.link import Refused
from holdfast.backends.redis.linking import link_to
from holdfast.backends.redis.listing import Listing
from holdfast.backends.redis.living import Living
from holdfast.backends.redis.location import Location
from holdfast.backends.redis.packing import Damaged
from holdfast.backends.redis.pushes import Pushes
from holdfast.backends.redis.reading import Reading
from holdfast.backends.redis.resealing import Resealing
from holdfast.backends.redis.users import Users
from holdfast.bells import Bell
from holdfast.events import Event

Answer = Coroutine[Any, Any, Outcome]
# What most calls are explains its faults itself: one floor less.
EXPLAINED: Final = frozenset({Apply, Read})


class RedisBackend:
    """Keeps sessions in Redis or Valkey, at a location.

    Entering raises `InvalidStore` when what is there is no store that can be used,
    `StoreUnavailable` when it cannot be reached, and `RuntimeError` while the backend is open. A
    closed one may be entered again.
    """

    name = "redis"
    answers_can_be_lost = True

    def __init__(self, location: Location) -> None:
        process = secrets.token_hex(8).encode()
        self._entered = False
        self.pushes = Pushes(process=process)
        self._link = link_to(location, hearing=self.pushes)
        self.part_of: PartOf | None = self._part_of if location.topology == "cluster" else None
        self._caller = Caller(self._link)
        users = Users(self._caller)
        self._reading = Reading(self._caller)
        self._changing = Changing(self._caller, users)
        self._living = Living(self._caller, users)
        self._drafting = Drafting(self._caller)
        self._resealing = Resealing(self._caller, users)
        self._leasing = Leasing(self._caller, process=process)
        self._listing = Listing(self._caller, users)
        self._limiting = Limiting(self._caller)

    async def __aenter__(self) -> Self:
        if self._entered:
            raise already_open(self.name)
        self._entered = True
        self._caller.forget()
        self._reading.forget()
        try:
            await self._link.__aenter__()
        except BaseException:
            self._entered = False
            raise
        self.pushes.begin(self._link)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Wake who listens, wait for the answers under way, and close the connections."""
        try:
            try:
                await self.pushes.aclose()
            finally:
                await self._link.__aexit__(*exc_info)
        finally:
            self._entered = False

    def execute(self, operation: Operation) -> Answer:
        """Answer one operation.

        Raises:
            StoreUnavailable: it was not applied, or (outcome="unknown") nobody can tell.
            DecryptionFailed: what is kept of the session cannot be taken apart.
            InvalidStore: the server refuses what a store has to do.
        """
        answer = self._answer(operation)
        return answer if type(operation) in EXPLAINED else _explained(operation, answer)

    def _part_of(self, operation: Operation) -> str:
        match operation:
            case Count() | List() | Purge():
                return ""
            case _:
                return self._link.part_of(self._caller.bucket_of(operation.key))

    def _answer(self, operation: Operation) -> Answer:
        match operation:
            case Read():
                return self._reading.read(operation)
            case Apply():
                return self._changing.apply(operation)
            case Create():
                return self._living.create(operation)
            case Acquire() | Renew() | Release():
                return self._hold(operation)
            case Count() | List() | Purge():
                return self._overlook(operation)
            case Take():
                return self._limiting.take(operation)
            case ReadItems():
                return self._reading.read_items(operation)
            case KeepDraft():
                return self._drafting.keep(operation)
            case ReadDraft():
                return self._drafting.read(operation)
            case Reseal():
                return self._resealing.reseal(operation)
            case Touch():
                return self._living.touch(operation)
            case Drop():
                return self._living.drop(operation)
            case Delete():
                return self._living.delete(operation)

    def _hold(self, operation: Acquire | Renew | Release) -> Answer:
        match operation:
            case Acquire():
                return self._leasing.acquire(operation)
            case Renew():
                return self._leasing.renew(operation)
            case Release():
                return self._leasing.release(operation)

    def _overlook(self, operation: Count | List | Purge) -> Answer:
        match operation:
            case Count():
                return self._listing.count(operation)
            case List():
                return self._listing.list(operation)
            case Purge():
                return self._listing.purge(operation)

    def listen(self, key: str) -> AbstractContextManager[Bell]:
        """Ring when the session changes, ends, or loses its lease, in whichever process."""
        return self.pushes.listening.listen(key)

    def line_up(self, key: str, token: str) -> AbstractContextManager[Bell]:
        """Ring when it is this token's turn."""
        return self.pushes.waking.line_up(key, token)

    def events(self, namespace: str) -> AbstractAsyncContextManager[AsyncIterator[Event]]:
        """Tell what happens to the sessions of a namespace, in whichever process."""
        return self.pushes.events.watch(namespace)

    def statistics(self) -> Mapping[str, int]:
        """Count what came over the connections, listeners, and who waits for a lease."""
        return {
            **self._link.statistics(),
            "kept_replies": len(self._reading),
            "listeners": len(self.pushes.listening),
            "waiting_for_leases": len(self.pushes.waking),
        }


async def _explained(operation: Operation, answer: Answer) -> Outcome:
    try:
        return await answer
    except (Refused, Damaged) as fault:
        raise unusable(operation, fault) from fault
