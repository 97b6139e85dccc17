"""Errors travel between processes, and tell what they told."""

import copy
import pickle

import pytest

import holdfast
from holdfast.errors import (
    BudgetExceeded,
    DecryptionFailed,
    FlagTaken,
    HoldfastError,
    InvalidKeyring,
    InvalidSession,
    InvalidStore,
    LeaseLost,
    LeaseUnavailable,
    LimitReached,
    ReservationNotFound,
    RevisionConflict,
    SessionExists,
    SessionNotFound,
    SessionRolledBack,
    StoreUnavailable,
)

EACH = [
    InvalidKeyring("A keyring holds 1 to 16 keys, not 0."),
    InvalidSession("ttl", "must be more than 0"),
    InvalidStore("sessions.db", "is no session store"),
    SessionNotFound("s"),
    SessionExists("s"),
    RevisionConflict("s", expected=3, found=4),
    FlagTaken("s", flag="escalated"),
    LimitReached("s", counter="visits", value=10, limit=10),
    BudgetExceeded("s", counter="spent", value=10, limit=10),
    ReservationNotFound("r"),
    LeaseUnavailable("s", waited=1.0, retry_after=2.0),
    LeaseLost("s"),
    StoreUnavailable("The store did not answer", retry_after=0.5, outcome="unknown"),
    DecryptionFailed("s", reason="a value does not open"),
    SessionRolledBack("s", seen=9, found=7, applied=True),
]


@pytest.mark.parametrize("error", EACH, ids=lambda error: type(error).__name__)
def test_an_error_comes_out_of_a_pickle_as_it_went_in(error: HoldfastError) -> None:
    """With its class, its message and its facts; a copy likewise."""
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)
        assert twin is not error


def test_every_error_is_tried_here_and_exported() -> None:
    """None is left out when a class is added."""
    tried = {type(error) for error in EACH}
    assert tried == set(_below(HoldfastError))
    assert {kind.__name__ for kind in tried} <= set(holdfast.__all__)


def _below(kind: type[HoldfastError]) -> list[type[HoldfastError]]:
    ours = [each for each in kind.__subclasses__() if each.__module__ == "holdfast.errors"]
    return [*ours, *(below for each in ours for below in _below(each))]


def test_a_rollback_says_whether_the_change_was_applied() -> None:
    """Who retries it would apply it twice."""
    assert "was applied" in str(SessionRolledBack("s", seen=9, found=7, applied=True))
    assert "was applied" not in str(SessionRolledBack("s", seen=9, found=7))
