"""What a turn costs: the model's calls are reserved before they are made, and settled by usage."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from holdfast.budget import Balance, Budget, Kind
from holdfast.errors import BudgetExceeded
from holdfast.purchase import Hold, hold
from holdfast.session import SupportSession
from holdfast.support.errors import EngineFailed, PriceUnknown

CATEGORY: Final = "model"
SPENT: Final = "The budget for the assistant's answers is used up."
# Kinds of things bought that an answer tells of.
MOST_TOLD: Final = 50


class Price(NamedTuple):
    """What a model takes, in micro-units for 1,000 tokens that it reads and that it writes."""

    input: int
    output: int

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        """Say what a call costs, rounded up."""
        return -(-(self.input * input_tokens + self.output * output_tokens) // 1000)


class Purchased(BaseModel):
    """What was spent on one kind of thing, in how many purchases."""

    model_config = ConfigDict(frozen=True)

    category: str
    item: str | None = None
    amount: int
    times: int


class Bill(BaseModel):
    """What a turn cost, in micro-units, and how its session stands after it.

    `budget_remaining` is the least that any limit leaves, None where there is none; `items` is what
    the session has bought, by category.
    """

    model_config = ConfigDict(frozen=True)

    cost: int = 0
    budget_remaining: int | None = None
    items: tuple[Purchased, ...] = ()


class Call:
    """One call of a model; `used` are the tokens that it read and wrote, once it was made."""

    def __init__(self) -> None:
        self.used: tuple[int, int] | None = None


class Purse:
    """Pays for the model's calls of one turn, from every budget that they count on.

    The first budget is the session's. `most` is what all calls of the turn may cost together.
    `shared` are budgets that are nobody's own: visitors are not told how they stand.
    """

    def __init__(
        self,
        budgets: Sequence[Budget],
        prices: Mapping[str, Price],
        *,
        most: int | None = None,
        shared: Sequence[Budget] = (),
    ) -> None:
        self._budgets = budgets
        self._shared = shared
        self._prices = prices
        self._most = most
        self._cost = 0

    @asynccontextmanager
    async def call(
        self, model: str, *, input_tokens: int, output_tokens: int
    ) -> AsyncGenerator[Call]:
        """Let a model be called for the block, which says what was used; at most this many tokens.

        Raises:
            BudgetExceeded: it does not fit into one of the budgets.
            EngineFailed: it does not fit into one that is shared.
            PriceUnknown: there is a limit, and nobody knows what the model costs.
            StoreUnavailable: nobody can tell what is left.
        """
        price = self._prices.get(model)
        if price is None:
            await self._refuse_unpriced(model)
            yield Call()
            return
        try:
            async with self._held(price.cost(input_tokens, output_tokens), model) as held:
                call = Call()
                try:
                    yield call
                finally:
                    if call.used is not None:
                        held.cost = price.cost(*call.used)
                        self._cost += held.cost
        except BudgetExceeded as exc:
            await self.refused(exc)
            if exc.session_id in {budget.owner for budget in self._shared}:
                raise EngineFailed("a shared budget is used up", message=SPENT) from exc
            raise

    async def refused(self, exc: BudgetExceeded) -> None:
        """Take note that a call could not be paid for."""

    async def bill(self) -> Bill:
        """Say what the turn cost so far, and what is left."""
        balances = await _read(self._budgets)
        left = [balance.remaining for balance in balances if balance.remaining is not None]
        items = balances[0].items[:MOST_TOLD] if balances else ()
        return Bill(
            cost=self._cost,
            budget_remaining=min(left, default=None),
            items=tuple(Purchased(**bought._asdict()) for bought in items),
        )

    def _held(self, amount: int, model: str) -> AbstractAsyncContextManager[Hold]:
        """Hold what a call can cost on every budget."""
        if self._most is not None and self._cost + amount > self._most:
            raise BudgetExceeded("request", counter="budget", value=self._cost, limit=self._most)
        return hold([*self._budgets, *self._shared], amount, kind=Kind(CATEGORY, model))

    async def _refuse_unpriced(self, model: str) -> None:
        limits = [balance.limit for balance in await _read([*self._budgets, *self._shared])]
        if self._most is not None or any(limit is not None for limit in limits):
            raise PriceUnknown(model)


async def _read(budgets: Sequence[Budget]) -> list[Balance]:
    return list(await asyncio.gather(*(budget.read() for budget in budgets)))


Purses = Callable[[SupportSession], Purse]
"""Gives the purse for a turn in a session."""
