"""The calls on one session: read it, change it, end it."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Generic

from typing_extensions import TypeVar

from holdfast.answers import refusal
from holdfast.assembling import assemble
from holdfast.backend import (
    Apply,
    Backend,
    Changed,
    Create,
    Created,
    Delete,
    Deleted,
    Existing,
    Found,
    Operation,
    Outcome,
    Read,
    Record,
    Touch,
)
from holdfast.change import Applied, Change, check_change
from holdfast.clock import MICROSECONDS
from holdfast.decoding import Decoder, is_small
from holdfast.encoding import Encoder, State
from holdfast.entropy import Entropy
from holdfast.errors import (
    FlagTaken,
    InvalidSession,
    RevisionConflict,
    SessionNotFound,
    StoreUnavailable,
)
from holdfast.freezing import read_only
from holdfast.keyring import Keyring
from holdfast.layout import Layout
from holdfast.near_cache import NearCache
from holdfast.resealing import exchange
from holdfast.sealing import Sealer
from holdfast.session import Session, check_session_id
from holdfast.terms import Terms
from holdfast.turns import Turns
from holdfast.watermarks import Mark, Watermarks

M = TypeVar("M", bound=Session, default=Session)


class Sessions(Generic[M]):
    """The calls that concern one session."""

    def __init__(
        self,
        backend: Backend,
        *,
        model: type[M],
        keys: Keyring,
        terms: Terms = Terms(),
        near_cache: NearCache[M] | None = None,
    ) -> None:
        self._backend = backend
        self._model = model
        self._terms = terms.check()
        self._keys = keys
        self._entropy = Entropy()
        self._prefix = f"{terms.namespace}/"
        layout = Layout.of(model)
        self._sealer = sealer = Sealer(keys, namespace=terms.namespace, entropy=self._entropy)
        self._encoder = Encoder(
            layout,
            sealer,
            entropy=self._entropy,
            remember=backend.answers_can_be_lost,
            slide=terms.sliding,
            max_items=terms.max_items,
        )
        self._decoder = Decoder(model, layout, sealer)
        self._marks = Watermarks()
        self._turns = Turns()
        self._near = near_cache
        self._unreadable = 0

    async def create(
        self,
        session_id: str | None = None,
        *,
        user_id: str | None = None,
        ttl: float | None = None,
        **state: Any,
    ) -> M:
        """Create a session; the id is 128 random bits when none is given.

        Raises:
            SessionExists: the id is in use.
        """
        minted = session_id is None
        session_id = self._entropy.name() if session_id is None else session_id
        sealed = self._encoder.initial(check_session_id(session_id), user_id, state)
        operation = self._create(session_id, sealed, ttl)._replace(minted=minted)
        match await self._write(session_id, operation):
            case Created(record):
                return self._made(session_id, record)
            case outcome:
                raise refusal(session_id, operation, outcome)

    async def get(self, session_id: str, *, fresh: bool = False) -> M | None:
        """Read a session; None when there is none. With `fresh` no near cache may answer."""
        near = self._near
        if near is not None and not fresh:
            kept = near.get(session_id)
            return await self._fetch(session_id, near) if kept is None else kept
        before = self._marks.before(session_id)
        outcome = await self._backend.execute(Read(self._key(session_id)))
        snapshot = self._seen(session_id, before, outcome)
        if self._sealer.rotates and snapshot is not None and isinstance(outcome, Found):
            await self._seal_anew(session_id, outcome.record)
        return snapshot

    async def get_or_create(
        self,
        session_id: str,
        *,
        factory: Callable[[], Mapping[str, Any]] | None = None,
        ttl: float | None = None,
    ) -> M:
        """Read a session, or create it with the state that `factory` makes (`user_id` included).

        However many callers ask at once, exactly one creates it, and all get that one.
        """
        found = await self.get(session_id)
        if found is not None:
            return found
        state = dict(factory() if factory else {})
        user_id = state.pop("user_id", None)
        sealed = self._encoder.initial(session_id, user_id, state)
        operation = self._create(session_id, sealed, ttl)
        match await self._write(session_id, operation):
            case Created(record) | Existing(record):
                return self._made(session_id, record)
            case outcome:
                raise refusal(session_id, operation, outcome)

    async def set(self, session: M, *, ttl: float | None = None) -> Applied:
        """Put a whole snapshot in place: revision 0 creates, a later one replaces that revision.

        Raises:
            RevisionConflict: the stored session is at another revision, or exists already.
            SessionNotFound: it has ended since; a saved copy never brings it back.
        """
        if not isinstance(session, self._model):
            raise InvalidSession("session", f"must be a {self._model.__name__}")
        session_id = session.session_id
        sealed = self._encoder.whole(session)
        if session.revision == 0:
            return await self._set_new(self._create(session_id, sealed, ttl), session_id)
        operation = self._encoder.replacement(
            self._key(session_id),
            session,
            sealed,
            ttl=None if ttl is None else self._terms.idle(ttl),
            slide=self._terms.sliding,
            remember=self._backend.answers_can_be_lost,
        )
        before = self._marks.before(session_id)
        outcome = await self._write(session_id, operation)
        return self._applied(session_id, operation, before, outcome)

    async def apply(self, session_id: str, change: Change) -> Applied:
        """Apply a change, all of it or nothing; see `Change` for what it may raise."""
        before = self._marks.before(session_id)
        # A session that was seen has an id that can name one.
        key = self._key(session_id) if before is None else self._prefix + session_id
        operation = self._encoder.change(key, session_id, check_change(change), before)
        outcome = await self._write(session_id, operation)
        return self._applied(session_id, operation, before, outcome)

    async def update(
        self, session_id: str, mapping: Mapping[str, Any] | None = None, /, **values: Any
    ) -> Applied:
        """Set declared fields, and everything else as metadata, each key on its own."""
        changed = {**mapping, **values} if mapping else values
        return await self.apply(session_id, Change(set=changed))

    async def increment_counter(
        self, session_id: str, name: str, delta: int = 1, *, at_most: int | None = None
    ) -> int:
        """Add to a counter, and give its value after this very increment.

        Raises:
            LimitReached: it would leave its range.
        """
        cap = {} if at_most is None else {name: at_most}
        applied = await self.apply(session_id, Change(add={name: delta}, at_most=cap))
        return applied.counters[name]

    async def claim(self, session_id: str, flag: str) -> bool:
        """Raise a flag; True for exactly one caller."""
        try:
            await self.apply(session_id, Change(claim=[flag]))
        except FlagTaken:
            return False
        return True

    async def transact(self, session_id: str, fn: Callable[[M], Change]) -> Applied:
        """Read, let `fn` decide on a change, apply it at that revision; again on a conflict.

        Callers of one process take turns, so that they do not conflict with each other.
        """
        async with self._turns.of(session_id):
            while True:
                session = await self.get(session_id, fresh=True)
                if session is None:
                    raise SessionNotFound(session_id)
                change = check_change(fn(session)).at(session.incarnation, session.revision)
                try:
                    return await self.apply(session_id, change)
                except RevisionConflict:
                    continue

    async def touch(self, session_id: str) -> bool:
        """Record activity; moves the deadline only when the store is sliding."""
        operation = Touch(self._key(session_id), self._terms.sliding)
        return isinstance(await self._write(session_id, operation), Found)

    async def extend(self, session_id: str, ttl: float) -> bool:
        """Give the session `ttl` seconds of idle time from now, within `max_age`."""
        operation = Touch(self._key(session_id), ttl=self._terms.idle(ttl))
        return isinstance(await self._write(session_id, operation), Found)

    async def delete(
        self,
        session_id: str,
        *,
        expect_incarnation: str | None = None,
        expect_revision: int | None = None,
    ) -> bool:
        """End a session and all that belongs to it; False when there was none.

        Raises:
            RevisionConflict: it is not the incarnation or the revision expected.
        """
        operation = Delete(
            self._key(session_id),
            expect_incarnation,
            expect_revision,
            self._entropy.token() if self._backend.answers_can_be_lost else "",
        )
        match await self._write(session_id, operation):
            case Deleted(existed):
                self._decoder.forget(session_id)
                return existed
            case outcome:
                raise refusal(session_id, operation, outcome)

    async def exists(self, session_id: str) -> bool:
        """Say whether the session is live; this never extends it."""
        return isinstance(await self._backend.execute(Read(self._key(session_id))), Found)

    async def _fetch(self, session_id: str, near: NearCache[M]) -> M | None:
        """Read a session, and keep it near until it moves."""
        before = self._marks.before(session_id)
        operation = Read(self._key(session_id), tracked=True)
        ticket = near.begin(session_id)
        outcome = await self._backend.execute(operation)
        snapshot = self._seen(session_id, before, outcome)
        if snapshot is not None and isinstance(outcome, Found) and is_small(outcome.record):
            near.fill(ticket, snapshot, expires=outcome.record.expires)
        if self._sealer.rotates and snapshot is not None and isinstance(outcome, Found):
            await self._seal_anew(session_id, outcome.record)
        return snapshot

    async def _seal_anew(self, session_id: str, record: Record) -> None:
        """Exchange values that were read under an older key, unless they change meanwhile."""
        operation = exchange(self._key(session_id), record, self._sealer)
        if operation is not None:
            # The reader has its answer; whoever reads next tries again.
            with suppress(StoreUnavailable):
                await self._write(session_id, operation)

    def _seen(self, session_id: str, before: Mark | None, outcome: Outcome) -> M | None:
        """Open what a read answered, none older than what was seen before."""
        if not isinstance(outcome, Found):
            self._decoder.forget(session_id)
            return None
        record = outcome.record
        self._marks.compare(session_id, before, record.incarnation, record.revision)
        return self._open(session_id, record)

    def _write(self, session_id: str, operation: Operation) -> Awaitable[Outcome]:
        """Have an operation of this process's own answered; nothing older is near meanwhile."""
        if self._near is None:
            return self._backend.execute(operation)
        return self._write_past(self._near, session_id, operation)

    async def _write_past(
        self, near: NearCache[M], session_id: str, operation: Operation
    ) -> Outcome:
        near.drop(session_id)
        try:
            return await self._backend.execute(operation)
        finally:
            near.drop(session_id)

    def _key(self, session_id: str) -> str:
        return self._prefix + check_session_id(session_id)

    def _made(self, session_id: str, record: Record) -> M:
        """Open a session that was to be created; it is known from now on."""
        self._marks.compare(session_id, None, record.incarnation, record.revision)
        return self._open(session_id, record)

    def _open(self, session_id: str, record: Record) -> M:
        return self._decoder.session(session_id, record)

    def _create(self, session_id: str, state: State, ttl: float | None) -> Create:
        return Create(
            self._key(session_id),
            self._entropy.token(),
            self._terms.idle(ttl),
            round(self._terms.max_age * MICROSECONDS),
            state.user_tag,
            state.integers,
            state.values,
        )

    async def _set_new(self, operation: Create, session_id: str) -> Applied:
        match await self._write(session_id, operation):
            case Created(record):
                self._made(session_id, record)
                counters = read_only(record.integers)
                return Applied(record.incarnation, 1, counters, None, 0, False)
            case Existing(record):
                raise RevisionConflict(session_id, expected=0, found=record.revision)
            case outcome:
                raise refusal(session_id, operation, outcome)

    def _applied(
        self, session_id: str, operation: Apply, before: Mark | None, outcome: Outcome
    ) -> Applied:
        """Say what became of a change."""
        if not isinstance(outcome, Changed):
            raise refusal(session_id, operation, outcome)
        incarnation, revision, integers, first, last, replayed = outcome
        if not replayed:
            self._marks.compare(session_id, before, incarnation, revision, applied=True)
        return assemble(
            Applied, (incarnation, revision, read_only(integers), first, last, replayed)
        )
