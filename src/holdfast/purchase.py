"""Buying on budgets: reserved before the block, settled or given back after it.

async with hold([budget], 2_500, kind=Kind("model", "gpt-4o-mini")) as held:
answer = await ask_the_model()
held.cost = price_of(answer)
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager

from holdfast.budget import Budget
from holdfast.errors import BudgetExceeded, ReservationNotFound, StoreUnavailable
from holdfast.ledger import ANYTHING, Kind, check_amount

logger = logging.getLogger(__name__)


class Hold:
    """Reservations for one purchase.

    `cost` is what it came to; None as long as nothing was bought.
    """

    def __init__(self, amount: int) -> None:
        self.amount = amount
        self.cost: int | None = None


class _Part:
    """A reservation on one of the budgets."""

    def __init__(self, budget: Budget, amount: int, kind: Kind) -> None:
        self._budget = budget
        self._reservation_id = secrets.token_hex(16)
        making = budget.reserve_as(self._reservation_id, amount, kind)
        self._making = asyncio.ensure_future(making)

    async def made(self) -> None:
        """Wait until it holds; who is cancelled meanwhile still has to end it."""
        await asyncio.shield(self._making)

    async def end(self, cost: int | None) -> None:
        """Settle it, or give it back, whatever became of it.

        A store may go on with a change whose caller was cancelled: it is waited for, since what is
        not there yet could not be given back.
        """
        await asyncio.wait((self._making,))
        if _holds_nothing(self._making.exception()):
            return
        try:
            await self._budget.end(self._reservation_id, cost)
        except (ReservationNotFound, StoreUnavailable) as exc:
            # It was never made or its time was over long ago, or its time will be over: what it
            # cost stands in the log alone.
            if cost is not None or isinstance(exc, StoreUnavailable):
                logger.warning("budget.unsettled", extra={"amount": cost})


def _holds_nothing(failure: BaseException | None) -> bool:
    if isinstance(failure, StoreUnavailable):
        return failure.outcome == "not_applied"
    return isinstance(failure, BudgetExceeded)


@asynccontextmanager
async def hold(
    budgets: Iterable[Budget], amount: int, *, kind: Kind = ANYTHING
) -> AsyncGenerator[Hold]:
    """Hold a part of several budgets for the block, and settle all of them with what it cost.

    However the block ends, what was bought is settled; where nothing was, all is given back.

    Raises:
        BudgetExceeded: it does not fit into one of them; then none of them holds anything.
        InvalidSession: the cost is no amount; what was held stays held until its time is over.
    """
    held = Hold(check_amount(amount))
    kind.check()
    parts: list[_Part] = []
    try:
        for budget in budgets:
            parts.append(_Part(budget, amount, kind))
            await parts[-1].made()
        yield held
    finally:
        ending = asyncio.gather(*(part.end(held.cost) for part in parts))
        await asyncio.shield(ending)
