"""Spending from one budget, for processes that do it at the same time."""

import asyncio
import sys

from holdfast import BudgetExceeded, Keyring, Session, SessionStore, open_store
from holdfast.budget import Budget, Budgets, Kind
from holdfast.purchase import hold
from tests.security.processes import Work

PRICE = 10
LIMIT = 100
AT_ONCE = 50


class Spender(Session):
    """A session that keeps what it spent as a value, as one should not."""

    paid: int = 0


def shared(store: SessionStore[Session], keys: Keyring, *, limit: int | None = LIMIT) -> Budget:
    return Budgets(store, keys=keys).named("shared", limit=limit)


async def reached(budget: Budget) -> bool:
    """Call a provider that takes its whole price, if there is money for it."""
    try:
        async with hold([budget], PRICE, kind=Kind("model")) as held:
            await asyncio.sleep(0)
            held.cost = PRICE
    except BudgetExceeded:
        return False
    return True


async def call(work: Work) -> int:
    """Call a provider from many tasks, and say how many calls reached it."""
    async with open_store(work.url, keys=work.keyring) as store:
        budget = shared(store, work.keyring)
        await budget.read()
        await work.meet()
        return sum(await asyncio.gather(*(reached(budget) for _ in range(AT_ONCE))))


async def purchases(budget: Budget, spenders: int) -> None:
    """Buy five times each."""

    async def buy() -> None:
        for _ in range(5):
            await budget.spend(PRICE)

    await asyncio.gather(*(buy() for _ in range(spenders)))


async def purchase(work: Work) -> None:
    """Half of ten buy, while the others do in another process."""
    async with open_store(work.url, keys=work.keyring) as store:
        budget = shared(store, work.keyring, limit=None)
        await budget.read()
        await work.meet()
        await purchases(budget, 5)


async def call_naively(work: Work) -> int:
    """Look, call, and write down what it comes to: what a budget must not do."""
    async with open_store(work.url, keys=work.keyring, model=Spender) as store:
        await store.get_or_create("shared")
        await work.meet()
        return sum(await asyncio.gather(*(_naively(store) for _ in range(AT_ONCE))))


async def _naively(store: SessionStore[Spender]) -> bool:
    spender = await store.get("shared")
    assert spender is not None
    if spender.paid + PRICE > LIMIT:
        return False
    await asyncio.sleep(0)
    await store.update("shared", paid=spender.paid + PRICE)
    return True


async def reserve_and_wait(url: str, keys: Keyring) -> None:
    """Reserve everything, say so, and never settle it."""
    async with open_store(url, keys=keys) as store:
        await shared(store, keys).reserve(LIMIT)
        sys.stdout.write("reserved\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(reserve_and_wait(sys.argv[1], Keyring.from_text(sys.argv[2])))
