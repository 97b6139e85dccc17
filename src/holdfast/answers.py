"""Refusals of a backend as the errors that callers catch: each outcome has one error."""

from typing import Final

from holdfast.backend import (
    Absent,
    Apply,
    ChangeIdReused,
    Conflict,
    Existing,
    FlagUp,
    Forgotten,
    LeaseGone,
    Operation,
    Outcome,
    OverLimit,
    TooLarge,
    UserDiffers,
)
from holdfast.errors import (
    FlagTaken,
    HoldfastError,
    InvalidSession,
    LeaseLost,
    LimitReached,
    RevisionConflict,
    SessionExists,
    SessionNotFound,
    StoreUnavailable,
)

FORGOTTEN: Final = (
    "A change was sent again, and the session does not remember its changes back to when it was "
    "first sent: read the session to see what became of it"
)


def refusal(session_id: str, operation: Operation, outcome: Outcome) -> HoldfastError:
    """Make the error that a refused operation raises."""
    match outcome:
        case Absent():
            return SessionNotFound(session_id)
        case Existing():
            return SessionExists(session_id)
        case Conflict():
            return RevisionConflict(session_id, expected=_expected(operation), found=outcome.found)
        case OverLimit():
            return LimitReached(
                session_id, counter=outcome.name, value=outcome.value, limit=outcome.limit
            )
        case FlagUp():
            return FlagTaken(session_id, flag=outcome.name)
        case LeaseGone():
            return LeaseLost(session_id)
        case ChangeIdReused():
            return InvalidSession("change_id", "was used before for a change with other content")
        case Forgotten():
            return StoreUnavailable(FORGOTTEN, outcome="unknown")
        case TooLarge():
            rule = f"would make the session {outcome.size} bytes large; at most {outcome.limit}"
            return InvalidSession("metadata", rule)
        case UserDiffers():
            return InvalidSession("user_id", "never changes once the session is created")
        case _:
            raise TypeError(f"{type(outcome).__name__} does not answer {type(operation).__name__}")


def _expected(operation: Operation) -> int:
    revision = operation.expect_revision if isinstance(operation, Apply) else None
    return revision or 0
