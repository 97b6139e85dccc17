"""What a caller catches.

One class for each reaction of a caller; facts are attributes, the message says what is, why, and
what to do.

    HoldfastError
    ├── InvalidSession (ValueError)   what was given breaks a rule; nothing was changed
    ├── InvalidKeyring (ValueError)   keys that cannot be used
    ├── SessionNotFound               never created, deleted, or expired: proven absence
    ├── SessionExists                 the id is taken
    ├── RevisionConflict              another writer came first
    ├── FlagTaken                     the flag was up already
    ├── LimitReached                  a counter would leave its range
    │   └── BudgetExceeded            … and the counter was money
    ├── ReservationNotFound           of a budget: never made, released, or long over
    ├── LeaseUnavailable              somebody else holds the session
    ├── LeaseLost                     the lease is no longer this holder's
    ├── StoreUnavailable              not applied, or (outcome="unknown") nobody can tell
    ├── InvalidStore                  what was to be opened is no store; trying again will not help
    ├── DecryptionFailed              wrong key, or the stored value is not what was sealed
    └── SessionRolledBack             the store went back behind what this process has seen
"""

from typing import Any, Literal

Certainty = Literal["not_applied", "unknown"]


class HoldfastError(Exception):
    """Root of everything that Holdfast raises on purpose. It travels between processes as it is."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.args, dict(vars(self)))


def _rebuilt(kind: type[HoldfastError], args: tuple[Any, ...], facts: dict[str, Any]) -> Any:
    """Make an error again from its message and its facts, without its constructor."""
    error = kind.__new__(kind, *args)
    vars(error).update(facts)
    return error


class InvalidKeyring(HoldfastError, ValueError):
    """A keyring that cannot be used; the message names the key id, never key material."""


class InvalidSession(HoldfastError, ValueError):
    """A value that breaks a rule of the record; nothing was changed.

    `field` names what was wrong, `rule` says how it must be.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field, self.rule = field, rule


class SessionNotFound(HoldfastError):
    """The session was never created, is deleted, or has expired."""

    def __init__(self, session_id: str) -> None:
        super().__init__(
            f"There is no session {session_id!r}: it was never created, was deleted, or has "
            "expired. Create it, or ask the caller to start again."
        )
        self.session_id = session_id


class SessionExists(HoldfastError):
    """A new session was asked for under an id that is in use."""

    def __init__(self, session_id: str) -> None:
        super().__init__(
            f"Session {session_id!r} exists already. Use another id, or `get_or_create`."
        )
        self.session_id = session_id


class RevisionConflict(HoldfastError):
    """The session has moved on since it was read."""

    def __init__(self, session_id: str, *, expected: int, found: int) -> None:
        super().__init__(
            f"Session {session_id!r} is at revision {found}, not {expected}: "
            "another writer came first. Read it again and reapply the change."
        )
        self.session_id, self.expected, self.found = session_id, expected, found


class FlagTaken(HoldfastError):
    """A claimed flag was up already; nothing of the change was applied."""

    def __init__(self, session_id: str, *, flag: str) -> None:
        super().__init__(
            f"Flag {flag!r} of session {session_id!r} was raised by another caller. "
            "Nothing of this change was applied."
        )
        self.session_id, self.flag = session_id, flag


class LimitReached(HoldfastError):
    """A counter would leave its range; nothing of the change was applied.

    `value` is what the counter holds, `limit` the bound it would have crossed (its cap, or 0).
    """

    def __init__(self, session_id: str, *, counter: str, value: int, limit: int) -> None:
        super().__init__(
            f"Counter {counter!r} of session {session_id!r} is {value} and may not pass {limit}. "
            "Nothing of this change was applied."
        )
        self.session_id, self.counter, self.value, self.limit = session_id, counter, value, limit


class BudgetExceeded(LimitReached):
    """A spending that does not fit into what is left of a budget; nothing was spent.

    `session_id` names the budget: by the session that it belongs to, or by its kind ("user", …).
    `value` is what was spent or is reserved, `limit` what it may come to.
    """

    def __init__(self, session_id: str, *, counter: str, value: int, limit: int) -> None:
        super().__init__(session_id, counter=counter, value=value, limit=limit)
        told = (
            f"This does not fit into the budget of {session_id!r}: {value} of {limit} is spent or "
            "reserved. Nothing was spent; raise the limit, or wait for reservations to end."
        )
        self.args = (told,)


class ReservationNotFound(HoldfastError):
    """A reservation that was never made, was released, or is long over."""

    def __init__(self, reservation_id: str) -> None:
        super().__init__(
            f"There is no reservation {reservation_id!r}: it was never made, was given back, or "
            "its time is long over. Reserve again before anything is bought."
        )
        self.reservation_id = reservation_id


class LeaseUnavailable(HoldfastError):
    """The session stayed in another holder's hands for the whole waiting time.

    `retry_after` is in seconds: when the present lease ends if it is not renewed.
    """

    def __init__(
        self, session_id: str, *, waited: float, retry_after: float, by_caller: bool = False
    ) -> None:
        state = (
            "is held by this very task, which would wait for itself. Use the lease that it has."
            if by_caller
            else f"is held by another worker and was not free within {waited:.3g} s. "
            f"Wait longer, or try again in {retry_after:.3g} s."
        )
        super().__init__(f"Session {session_id!r} {state}")
        self.session_id, self.waited, self.retry_after = session_id, waited, retry_after


class LeaseLost(HoldfastError):
    """The lease ran out, was stolen, or was released; the write under it was refused."""

    def __init__(self, session_id: str) -> None:
        super().__init__(
            f"The lease on session {session_id!r} is no longer this holder's: it was not renewed "
            "in time, or another worker took it over. Stop the work done under it."
        )
        self.session_id = session_id


class StoreUnavailable(HoldfastError):
    """The store did not answer. It says nothing about whether a session exists.

    `retry_after` is in seconds. `outcome` is "not_applied" when the operation surely did nothing,
    "unknown" when it was sent and no answer came back.
    """

    def __init__(
        self,
        reason: str = "The session store did not answer",
        *,
        retry_after: float = 1.0,
        outcome: Certainty = "not_applied",
    ) -> None:
        state = "was not applied" if outcome == "not_applied" else "may have been applied"
        super().__init__(f"{reason}. The operation {state}; try again in {retry_after:.3g} s.")
        self.reason, self.retry_after = reason, retry_after
        self.outcome: Certainty = outcome


class InvalidStore(HoldfastError):
    """What was to be opened is no session store that this release can use; it was left as it was.

    `location` names it, `reason` says what is wrong and what to do.
    """

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(f"{location} cannot be used as a session store: {reason}.")
        self.location, self.reason = location, reason


class DecryptionFailed(HoldfastError):
    """A stored value did not open: wrong or missing key, or not what was sealed at this place."""

    def __init__(self, session_id: str, *, reason: str) -> None:
        super().__init__(
            f"Session {session_id!r} cannot be read: {reason}. Check that the keyring holds the "
            "key it was sealed with; if it does, the stored value was altered."
        )
        self.session_id, self.reason = session_id, reason


class SessionRolledBack(HoldfastError):
    """The store answered with an older revision than this process has already seen.

    `applied` is True when the answer was to a change, and that change itself was applied.
    """

    def __init__(self, session_id: str, *, seen: int, found: int, applied: bool = False) -> None:
        super().__init__(
            f"Session {session_id!r} went back from revision {seen} to {found}: the store lost "
            "acknowledged changes (a failover, or a restored copy)."
            + (" The change that was asked for now was applied." if applied else "")
        )
        self.session_id, self.seen, self.found = session_id, seen, found
        self.applied = applied
