"""Budgets kept by the store: exact however many callers and workers spend from one at once.

    budget = Budgets(store, keys=keys).of_session(session, limit=1_000_000)
    made = await budget.reserve(2_500, kind=Kind("model", "gpt-4o-mini"))
    answer = await ask_the_model()
    await budget.settle(made.reservation_id, price_of(answer))

Amounts are integers of the smallest unit of money that matters, micro-units say. What does not fit
is refused before it is bought: `reserve` takes the most that something can cost, `settle` says what
it did cost and gives the rest back; `holdfast.purchase` does both around a block. Where the store
cannot say what is left, nothing is spent.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from holdfast.accounts import AccountPlace, Names
from holdfast.change import Change
from holdfast.errors import (
    BudgetExceeded,
    InvalidSession,
    LimitReached,
    ReservationNotFound,
)
from holdfast.keyring import Keyring
from holdfast.ledger import (
    ANYTHING,
    Account,
    Balance,
    Bought,
    Kind,
    Note,
    Receipt,
    balance,
    check_amount,
    due,
    find_note,
    kind_key,
    limit_of,
    mark_of,
    overdue,
    purchase_id,
)
from holdfast.opening import open_beside
from holdfast.session import MAX_INTEGER, Session
from holdfast.store import SessionStore
from holdfast.terms import LONGEST

__all__ = ["Balance", "Bought", "Budget", "Budgets", "Kind", "Reservation"]

DAY: Final = 86_400.0
# An account outlives what it belongs to by this, in seconds.
AFTERWARDS: Final = 2 * DAY
# Reservations whose time is over that can still be settled, and for how long.
MOST_LATE: Final = 100
# Reservations whose time is over that an account carries along before it is tidied.
MOST_DUE: Final = 100
LATE: Final = timedelta(days=1)


def _now() -> datetime:
    return datetime.now(UTC)


class Reservation(NamedTuple):
    """A part of a budget that is held for one purchase until `expires_at`."""

    reservation_id: str
    amount: int
    expires_at: datetime


class Budgets:
    """The budgets of what a store keeps; they stand beside its sessions and open with it.

    A reservation that nobody ends, because its process was killed, gives its part back after
    `reservation_ttl` seconds. `now` is the time by which that is judged.
    """

    def __init__(
        self,
        store: SessionStore[Any],
        *,
        keys: Keyring,
        reservation_ttl: float = 600.0,
        now: Callable[[], datetime] = _now,
    ) -> None:
        lasting = min(store.terms.max_age + AFTERWARDS, LONGEST)
        name = f"budget.{store.terms.namespace}"
        self.accounts = open_beside(
            store, name, model=Account, keys=keys, ttl=lasting, max_age=lasting
        )
        self.keys = keys
        self.now = now
        self.reservation_time = timedelta(seconds=reservation_ttl)

    def of_session(self, session: Session, *, limit: int | None = None) -> "Budget":
        """Give the budget of one incarnation of a session."""
        name = f"s:{session.incarnation}"
        return Budget(self, session.session_id, lambda: (name,), limit=limit)

    def of_user(self, user_id: str, day: date, *, limit: int | None = None) -> "Budget":
        """Give what a user may spend in one day."""
        return self.named("user", user_id, day.isoformat(), limit=limit, ttl=AFTERWARDS)

    def named(
        self, kind: str, *names: str, limit: int | None = None, ttl: float | None = None
    ) -> "Budget":
        """Give the budget of anything else; `kind` alone is told when it is used up.

        Its account is known by a keyed tag of the names; `ttl`, in seconds, is how long it is kept.
        """

        def tags() -> tuple[str, ...]:
            return tuple(f"n:{key.derive('budget', kind, *names).hex()}" for key in self.keys)

        return Budget(self, kind, tags, limit=limit, ttl=ttl)


class Budget:
    """One budget, of whoever holds it in whichever process.

    `owner` names it where it refuses. `limit` is the limit until another one is set; None is no
    limit, and everything is counted.
    Every method raises `StoreUnavailable` where nobody can tell what is left.
    """

    def __init__(
        self,
        budgets: Budgets,
        owner: str,
        names: Names,
        *,
        limit: int | None,
        ttl: float | None = None,
    ) -> None:
        self._budgets = budgets
        self._accounts = budgets.accounts
        self.owner = owner
        self._place = AccountPlace(budgets.accounts, names, ttl=ttl)
        self._limit = None if limit is None else check_amount(limit, "limit")

    async def read(self) -> Balance:
        """Say what was spent, what is reserved, and what is left."""
        return self._balance(await self._place.find())

    async def set_limit(self, limit: int | None) -> Balance:
        """Set another limit, also one that is exceeded already; None is no limit."""
        if limit is not None:
            check_amount(limit, "limit")
        account = await self._place.open()
        change = Change(set={"limit": limit, "limit_given": True})
        await self._accounts.apply(account.session_id, change)
        return await self.read()

    async def reserve(
        self, amount: int, *, kind: Kind = ANYTHING, key: str | None = None
    ) -> Reservation:
        """Hold a part of what is left for one purchase.

        Under the same `key` again it is the same reservation, as long as the account remembers
        (its last 256 changes at least).

        Raises:
            BudgetExceeded: it does not fit into what is left.
            InvalidSession: a value that breaks a rule, or a key that was used with other ones.
            ReservationNotFound: it was made under this key, and is long over.
        """
        reservation_id = purchase_id("reserve", key)
        change_id = None if key is None else f"reserve:{reservation_id}"
        return await self.reserve_as(reservation_id, amount, kind, change_id=change_id)

    async def reserve_as(
        self, reservation_id: str, amount: int, kind: Kind, *, change_id: str | None = None
    ) -> Reservation:
        """Reserve under an id that the caller has made; see `reserve`."""
        check_amount(amount)
        kind.check()
        expires_at = self._budgets.now() + self._budgets.reservation_time
        note = Note(reservation_id, amount, expires_at, kind)
        mark = f"open.{reservation_id}"
        while True:
            account = await self._place.open()
            if (known := find_note(account, reservation_id)) is not None:
                return _same(known, note)
            if len(account.open) >= MOST_DUE <= len(due(account, self._budgets.now())):
                await self._tidy(account)
                continue
            change = Change(
                set={note.name: note.written()},
                add={mark: 1, "committed": amount},
                at_most={mark: 1, "committed": self._most(account)},
                change_id=change_id,
            )
            try:
                await self._accounts.apply(account.session_id, change)
            except LimitReached as exc:
                # Under its own mark somebody else made the same reservation just now.
                if exc.counter != mark:
                    await self._make_room(account, exc)
            except InvalidSession as exc:
                _refuse_unless_repeated(exc)
                return await self._made_before(note)
            else:
                return Reservation(reservation_id, amount, expires_at)

    async def settle(self, reservation_id: str, amount: int) -> Balance:
        """Say what a purchase cost, in place of what was reserved for it.

        It counts in full, also where it is more than was reserved, and where the reservation's time
        is over. Settled again with the same amount it counts once.

        Raises:
            ReservationNotFound: there is no such reservation, or it was released.
            InvalidSession: it was settled with another amount.
        """
        await self.end(reservation_id, check_amount(amount))
        return await self.read()

    async def release(self, reservation_id: str) -> Balance:
        """Give a reservation back: nothing was bought. What is over already stays as it is.

        Raises:
            ReservationNotFound: there never was one, or it is long over.
        """
        await self.end(reservation_id, None)
        return await self.read()

    async def end(self, reservation_id: str, cost: int | None) -> None:
        """Settle a reservation, or release it where nothing was bought; see both."""
        if cost is not None:
            check_amount(cost)
        while True:
            account = await self._place.find()
            note = find_note(account, reservation_id)
            if account is None or note is None:
                return await self._check_ended(account, reservation_id, cost)
            mark, held = mark_of(account, note)
            receipt = Receipt(reservation_id, cost, note)
            if cost is None:
                change = Change(append=[receipt.written()])
            else:
                change = self._bought(account, note.kind, cost, receipt)
            add = {mark: -1, "committed": (cost or 0) - held, **change.add}
            if await self._ended(account, note, add, change):
                return None

    async def spend(self, amount: int, *, kind: Kind = ANYTHING, key: str | None = None) -> Balance:
        """Buy in one step what has a price of its own; under the same `key` again, once.

        Raises:
            BudgetExceeded: it does not fit into what is left.
            InvalidSession: a value that breaks a rule, or a key that was used with other ones.
        """
        check_amount(amount)
        kind.check()
        purchase = purchase_id("spend", key)
        while True:
            account = await self._place.open()
            change = self._bought(account, kind, amount, Receipt(purchase, amount))
            whole = Change(
                set=change.set,
                add={**change.add, "committed": amount},
                at_most={"committed": self._most(account)},
                append=change.append,
                change_id=None if key is None else f"spend:{purchase}",
            )
            try:
                await self._accounts.apply(account.session_id, whole)
            except LimitReached as exc:
                await self._make_room(account, exc)
            except InvalidSession as exc:
                _refuse_unless_repeated(exc)
                await self._check_ended(account, purchase, amount)
                return await self.read()
            else:
                return await self.read()

    # The account

    def _balance(self, account: Account | None) -> Balance:
        return balance(account, limit=self._limit, now=self._budgets.now())

    def _most(self, account: Account) -> int:
        limit = limit_of(account, self._limit)
        return MAX_INTEGER if limit is None else limit

    def _bought(self, account: Account, kind: Kind, amount: int, receipt: Receipt) -> Change:
        """Count a purchase, and write a receipt for it."""
        counted, known = kind_key(account, kind, self._budgets.keys.primary)
        return Change(
            set=known,
            add={"spent": amount, f"amounts.{counted}": amount, f"times.{counted}": 1},
            append=[receipt.written()],
        )

    async def _ended(
        self, account: Account, note: Note, add: dict[str, int], change: Change
    ) -> bool:
        """End a reservation; False when somebody else has moved it since it was read."""
        whole = Change(set=change.set, unset=[note.name], add=add, append=change.append)
        try:
            await self._accounts.apply(account.session_id, whole)
        except LimitReached as exc:
            if exc.counter not in {f"open.{note.reservation_id}", f"late.{note.reservation_id}"}:
                raise
            return False
        return True

    async def _make_room(self, account: Account, exc: LimitReached) -> None:
        """Give back what reservations hold whose time is over.

        Raises:
            BudgetExceeded: there are none.
        """
        if not due(account, self._budgets.now()):
            raise BudgetExceeded(
                self.owner, counter="budget", value=exc.value, limit=exc.limit
            ) from exc
        await self._tidy(account)

    async def _tidy(self, account: Account) -> None:
        """Give back what is due, all in one step, and forget what could be settled long enough."""
        now = self._budgets.now()
        over = due(account, now)[:MOST_DUE]
        old = [n for n in overdue(account, now - LATE) if n.reservation_id in account.late]
        kept = max(0, MOST_LATE - len(account.late) + len(old))
        change = Change(
            add={
                **{f"open.{note.reservation_id}": -1 for note in over},
                **{f"late.{note.reservation_id}": 1 for note in over[:kept]},
                **{f"late.{note.reservation_id}": -1 for note in old},
                "committed": -sum(note.amount for note in over),
            },
            unset=[note.name for note in (*over[kept:], *old)],
        )
        try:
            await self._accounts.apply(account.session_id, change)
        except LimitReached:
            # Somebody else has ended one of them, or given it back: whoever asked reads again.
            return

    # What is over

    async def _check_ended(self, account: Account | None, purchase: str, cost: int | None) -> None:
        """See that what is over came to the same; what was released may not be settled.

        Raises:
            ReservationNotFound: it was released, there never was one, or it is long over.
            InvalidSession: it was settled with another amount.
        """
        settled = (await self._receipt(account, purchase)).amount
        if cost is None or cost == settled:
            return
        if settled is None:
            raise ReservationNotFound(purchase)
        raise InvalidSession("amount", f"was {settled} when this was counted before")

    async def _made_before(self, asked: Note) -> Reservation:
        """Give the reservation that was made under the same key, also where it is over."""
        account = await self._place.find()
        made = find_note(account, asked.reservation_id)
        return _same(made or (await self._receipt(account, asked.reservation_id)).note, asked)

    async def _receipt(self, account: Account | None, purchase: str) -> Receipt:
        """Say how a purchase ended.

        Raises:
            ReservationNotFound: there is no receipt for it among the last 1,000.
        """
        if account is not None:
            items = await self._accounts.items(account.session_id, limit=1000)
            for item in reversed(items):
                if item.value["id"] == purchase:
                    return Receipt.read(item.value)
        raise ReservationNotFound(purchase)


def _same(known: Note | None, asked: Note) -> Reservation:
    if known is None or (known.amount, known.kind) != (asked.amount, asked.kind):
        raise InvalidSession("key", "was used for a reservation with other content")
    return Reservation(known.reservation_id, known.amount, known.expires_at)


def _refuse_unless_repeated(exc: InvalidSession) -> None:
    """Take it as made before when its change id is known: the time that it was made at differs."""
    if exc.field != "change_id":
        raise exc
