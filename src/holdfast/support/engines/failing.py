"""What goes wrong in a run, for operators and for visitors."""

from typing import Final

from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelHTTPError,
)

from holdfast.errors import BudgetExceeded, StoreUnavailable
from holdfast.support.engine import Failed
from holdfast.support.errors import EngineFailed, PriceUnknown
from holdfast.support.knowledge import KnowledgeUnavailable
from holdfast.support.spending import SPENT


class TooCostly(Exception):
    """One answer took more tokens than it may."""


FAILURES: Final = (
    TimeoutError,
    BudgetExceeded,
    EngineFailed,
    PriceUnknown,
    StoreUnavailable,
    AgentRunError,
    TooCostly,
    KnowledgeUnavailable,
)

BUSY: Final = "The assistant is very busy at the moment."
LATE: Final = "The assistant did not answer in time."
AWAY: Final = "The assistant cannot be reached at the moment."
CUT: Final = "The connection to the assistant broke off."
REFUSED: Final = "The assistant is not available at the moment."

# Refusals of a request that may be taken later: too slow, in conflict, too early, too many.
PASSING: Final = frozenset({408, 409, 425, 429})


def failure(exc: Exception, *, timeout: float, begun: bool) -> Failed:
    """Say what went wrong; never what the service or the visitor wrote.

    `begun` says that part of the answer had arrived.
    """
    match exc:
        case ModelHTTPError(status_code=status, retry_after=after):
            reason, lasting = f"the model's service answered {status}", _is_lasting(status)
            return Failed(reason, _of_status(status), after, retryable=not lasting)
        case TimeoutError():
            return Failed(f"no answer within {timeout:g} s", LATE)
        case ModelAPIError(retry_after=after) if not begun:
            return Failed("the model's service could not be reached", AWAY, after)
        case BudgetExceeded():
            return Failed("the budget is used up", SPENT, error=exc, retryable=False)
        case EngineFailed(reason=reason, message=message, retry_after=after):
            return Failed(reason, message, after)
        case PriceUnknown():
            reason = f"there is no price for {exc.model}"
            return Failed(reason, REFUSED, error=exc, retryable=False)
        case StoreUnavailable(retry_after=after):
            return Failed("the budget cannot be read", AWAY, after, error=exc)
        case TooCostly():
            return Failed("the answer took more tokens than it may", REFUSED)
        case AgentRunError() if not isinstance(exc, ModelAPIError):
            return Failed(f"the model's run ended with {type(exc).__name__}", REFUSED)
        case KnowledgeUnavailable():
            return Failed("the knowledge base cannot be read", REFUSED)
        case _:
            return Failed("the model's service broke off its answer", CUT)


def _is_lasting(status: int) -> bool:
    """Say whether the same request would be refused again: a wrong key, an unknown model."""
    return 400 <= status < 500 and status not in PASSING


def _of_status(status: int) -> str:
    if status == 429:
        return BUSY
    return AWAY if status >= 500 else REFUSED
