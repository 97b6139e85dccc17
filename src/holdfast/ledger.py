"""What a budget's account holds, and what it comes to: values alone, nothing is asked or written.

`committed` is what was spent and what open reservations may still spend. Each reservation has a
note among the metadata and a counter of its own: `open` while it holds its part, `late` once its
time is over and its part was given back. Whoever ends one takes that counter down to 0, which
works once, whoever tries it and how often.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import Field

from holdfast.change import check_name
from holdfast.errors import InvalidSession
from holdfast.keyring import RootKey
from holdfast.moments import microseconds, moment
from holdfast.session import MAX_INTEGER, Counter, Counters, Session

# Different things of which an account counts each on its own; what comes later is counted as OTHER.
MOST_KINDS: Final = 200
OTHER: Final = "other"
_CATEGORY: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_RESERVATION: Final = "reservation:"
_KIND: Final = "kind:"


class Account(Session):
    """The session that a budget is kept in; without `limit_given` its owner's default holds."""

    limit: int | None = None
    limit_given: bool = False
    committed: Counter = 0
    spent: Counter = 0
    open: Counters = Field(default_factory=dict)
    late: Counters = Field(default_factory=dict)
    amounts: Counters = Field(default_factory=dict)
    times: Counters = Field(default_factory=dict)


class Kind(NamedTuple):
    """What is bought: a category, and within it an item if that matters."""

    category: str = OTHER
    item: str | None = None

    def check(self) -> "Kind":
        """Give it back when it can be kept.

        Raises:
            InvalidSession: one of its parts breaks its rule.
        """
        if type(self.category) is not str or not _CATEGORY.fullmatch(self.category):
            rule = "must have 1-64 letters, digits, dots, dashes or underscores"
            raise InvalidSession("category", rule)
        if self.item is not None:
            check_name("item", self.item)
        return self


ANYTHING: Final = Kind()


class Bought(NamedTuple):
    """What was spent on one kind of thing, in how many purchases."""

    category: str
    item: str | None
    amount: int
    times: int


class Balance(NamedTuple):
    """A budget in micro-units. Without a limit nothing is refused, and `remaining` is None.

    `items` is what was bought, by category. `over` says that more was spent than the limit, which
    happens where something cost more than was reserved for it, or the limit was lowered.
    """

    limit: int | None
    spent: int
    reserved: int
    items: tuple[Bought, ...]

    @property
    def remaining(self) -> int | None:
        if self.limit is None:
            return None
        return max(0, self.limit - self.spent - self.reserved)

    @property
    def over(self) -> bool:
        return self.limit is not None and self.spent > self.limit


class Note(NamedTuple):
    """A reservation as its account keeps it."""

    reservation_id: str
    amount: int
    expires_at: datetime
    kind: Kind

    @property
    def name(self) -> str:
        """The key among the account's metadata."""
        return _RESERVATION + self.reservation_id

    def written(self) -> dict[str, Any]:
        """Write it as the account keeps it."""
        until = microseconds(self.expires_at)
        return {"amount": self.amount, "until": until, "kind": list(self.kind)}


def check_amount(amount: int, field: str = "amount") -> int:
    """Give an amount of money back when it is one.

    Raises:
        InvalidSession: it is no integer from 0 to 2**53 - 1; a bool, a float and NaN are none.
    """
    if type(amount) is not int or not 0 <= amount <= MAX_INTEGER:
        raise InvalidSession(field, f"must be an integer from 0 to {MAX_INTEGER}")
    return amount


def purchase_id(verb: str, key: str | None) -> str:
    """Make an id; from a key the same one again, whatever keys the account is sealed with.

    Raises:
        InvalidSession: the key does not have 1-255 characters.
    """
    if key is None:
        return secrets.token_hex(16)
    return hashlib.sha256(f"{verb} {check_name('key', key)}".encode()).hexdigest()[:32]


def find_note(account: Account | None, reservation_id: str) -> Note | None:
    """Find a reservation that has not been settled or released."""
    kept = account and account.metadata.get(_RESERVATION + reservation_id)
    return _note(reservation_id, kept) if kept else None


class Receipt(NamedTuple):
    """How a purchase ended; without an `amount` its reservation was released.

    `note` is what was reserved for it, None where it was bought in one step.
    """

    purchase: str
    amount: int | None
    note: Note | None = None

    def written(self) -> dict[str, Any]:
        """Write it as the account's log keeps it."""
        reserved = self.note and self.note.written()
        return {"id": self.purchase, "amount": self.amount, "reserved": reserved}

    @classmethod
    def read(cls, kept: Any) -> "Receipt":
        """Read one that was written."""
        reserved = kept["reserved"]
        return cls(kept["id"], kept["amount"], reserved and _note(kept["id"], reserved))


def mark_of(account: Account, note: Note) -> tuple[str, int]:
    """Name the counter that whoever ends a reservation takes down, and say what it still holds."""
    if note.reservation_id in account.open:
        return f"open.{note.reservation_id}", note.amount
    return f"late.{note.reservation_id}", 0


def overdue(account: Account, now: datetime) -> Iterator[Note]:
    """Find the reservations whose time is over, those that were given back already included."""
    for name, kept in account.metadata.items():
        if name.startswith(_RESERVATION):
            note = _note(name.removeprefix(_RESERVATION), kept)
            if note.expires_at <= now:
                yield note


def due(account: Account, now: datetime) -> list[Note]:
    """Find the reservations that still hold a part although their time is over."""
    return [note for note in overdue(account, now) if note.reservation_id in account.open]


def kind_key(account: Account, kind: Kind, key: RootKey) -> tuple[str, dict[str, Any]]:
    """Say under which key a kind is counted, and what has to be kept to know it again."""
    if len(account.times) >= MOST_KINDS and not _is_known(account, kind, key):
        kind = ANYTHING
    digest = _digest(kind, key)
    return digest, {_KIND + digest: list(kind)}


def balance(account: Account | None, *, limit: int | None, now: datetime) -> Balance:
    """Say what an account comes to now; `limit` is for one that has none of its own."""
    if account is None:
        return Balance(limit, 0, 0, ())
    freed = sum(note.amount for note in due(account, now))
    reserved = max(0, account.committed - account.spent - freed)
    return Balance(limit_of(account, limit), account.spent, reserved, _items(account))


def limit_of(account: Account, default: int | None) -> int | None:
    """Say which limit holds."""
    return account.limit if account.limit_given else default


def _note(reservation_id: str, kept: Any) -> Note:
    return Note(reservation_id, kept["amount"], moment(kept["until"]), Kind(*kept["kind"]))


def _items(account: Account) -> tuple[Bought, ...]:
    """Add up by kind: after a change of keys one kind is counted under two of them."""
    sums: dict[Kind, tuple[int, int]] = {}
    for key, times in account.times.items():
        kept: Any = account.metadata[_KIND + key]
        kind = Kind(*kept)
        amount, before = sums.get(kind, (0, 0))
        sums[kind] = amount + account.amounts.get(key, 0), before + times
    ordered = sorted(sums.items(), key=lambda entry: (entry[0].category, entry[0].item or ""))
    return tuple(Bought(*kind, *figures) for kind, figures in ordered)


def _is_known(account: Account, kind: Kind, key: RootKey) -> bool:
    return _KIND + _digest(kind, key) in account.metadata


def _digest(kind: Kind, key: RootKey) -> str:
    """Name a kind by a keyed tag: names of counters stand in the store in the clear."""
    return key.derive("budget kind", kind.category, kind.item or "").hex()[:24]
