"""Buying on several budgets at once, around a block."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from holdfast import BudgetExceeded, InvalidSession, open_store
from holdfast.budget import Budget, Budgets
from holdfast.purchase import hold
from tests.budgeting import KEYS, TEA, Time, figures, url_of


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def budgets(
    request: pytest.FixtureRequest, tmp_path: Path, time: Time
) -> AsyncIterator[Budgets]:
    """Budgets on a store of each kind."""
    async with open_store(url_of(request, tmp_path), keys=KEYS) as store:
        yield Budgets(store, keys=KEYS, reservation_ttl=60, now=time)


@pytest.fixture
def budget(budgets: Budgets) -> Budget:
    return budgets.named("test", limit=100)


async def test_several_budgets_are_held_together(budgets: Budgets) -> None:
    """A purchase counts on all of them; where one refuses, none is touched."""
    wide, narrow = budgets.named("wide", limit=100), budgets.named("narrow", limit=30)
    async with hold([wide, narrow], 30, kind=TEA) as held:
        assert (await wide.read()).reserved == (await narrow.read()).reserved == 30
        held.cost = 12
    assert figures(await wide.read()) == (100, 12, 0, 88)
    assert figures(await narrow.read()) == (30, 12, 0, 18)
    with pytest.raises(BudgetExceeded, match="narrow"):
        async with hold([wide, narrow], 19):
            raise AssertionError("not reached")
    assert figures(await wide.read()) == (100, 12, 0, 88)


async def test_a_hold_ends_however_its_block_does(budget: Budget) -> None:
    """What was bought is settled, also by one who is cancelled; else all is given back."""
    with pytest.raises(ZeroDivisionError):
        async with hold([budget], 30):
            raise ZeroDivisionError
    assert figures(await budget.read()) == (100, 0, 0, 100)
    reached = asyncio.Event()

    async def buy() -> None:
        async with hold([budget], 30) as held:
            held.cost = 5
            reached.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(buy())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert figures(await budget.read()) == (100, 5, 0, 95)


@pytest.mark.parametrize("cost", [-30, 1.5, True, 2**53])
async def test_what_is_no_cost_is_refused(budgets: Budgets, cost: Any) -> None:
    """A block cannot give money by costing less than nothing; what it held stays held."""
    budget = budgets.named("test", limit=100)
    await budget.spend(50)
    with pytest.raises(InvalidSession, match="amount"):
        async with hold([budget], 10) as held:
            held.cost = cost
    assert figures(await budget.read()) == (100, 50, 10, 40)


async def test_who_is_cancelled_while_reserving_holds_nothing(budgets: Budgets) -> None:
    """However far the reservation has come: it is waited for, and given back."""
    budget = budgets.named("test", limit=1000)
    await budget.spend(0)

    async def buy() -> None:
        async with hold([budget], 10):
            await asyncio.Event().wait()

    for steps in range(60):
        task = asyncio.create_task(buy())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (await budget.read()).reserved == 0


async def test_what_came_too_late_to_be_settled_is_logged(
    budget: Budget, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    """Its reservation was forgotten: what it cost stands in the log alone."""
    async with hold([budget], 100) as held:
        for _ in range(2):
            time.passes(86_461)
            await budget.reserve(100)
        held.cost = 70
    (record,) = caplog.records
    assert (record.message, vars(record)["amount"]) == ("budget.unsettled", 70)
