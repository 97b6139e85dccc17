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


@asynccontextmanager
async def hold(
    budgets: Iterable[Budget], amount: int, *, kind: Kind = ANYTHING
) -> AsyncGenerator[Hold]:
    """Hold a part of several budgets for the block, and settle all of them with what it cost.

    However the block ends, what was bought is settled; where nothing was, all is given back.

    Raises:
        BudgetExceeded: it does not fit into one of them; then none of them holds anything.
    """
    held = Hold(check_amount(amount))
    kind.check()
    made: list[tuple[Budget, str]] = []
    try:
        for budget in budgets:
            made.append((budget, secrets.token_hex(16)))
            try:
                await budget.reserve_as(made[-1][1], amount, kind)
            except BudgetExceeded:
                made.pop()
                raise
            except StoreUnavailable as exc:
                if exc.outcome == "not_applied":
                    made.pop()
                raise
        yield held
    finally:
        ending = asyncio.gather(*(_end(budget, name, held.cost) for budget, name in made))
        await asyncio.shield(ending)


async def _end(budget: Budget, reservation_id: str, cost: int | None) -> None:
    try:
        await budget.end(reservation_id, cost)
    except ReservationNotFound:
        # It was refused, or its time was over long ago.
        return
    except StoreUnavailable:
        # Its time will be over; what it cost stands in the log alone.
        logger.warning("budget.unsettled", extra={"amount": cost})
