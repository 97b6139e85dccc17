"""Budgets kept by the store."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast import (
    BudgetExceeded,
    InvalidSession,
    Keyring,
    ReservationNotFound,
    SessionStore,
    StoreUnavailable,
    open_store,
)
from holdfast.budget import Bought, Budget, Budgets, Kind
from holdfast.ledger import MOST_KINDS
from holdfast.purchase import hold
from tests.budgeting import CAKE, KEYS, NOON, TEA, Time, figures, url_of
from tests.redis_servers import RedisServer


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionStore[Any]]:
    """A store of each kind."""
    async with open_store(url_of(request, tmp_path), keys=KEYS) as opened:
        yield opened


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def budgets(store: SessionStore[Any], time: Time) -> Budgets:
    return Budgets(store, keys=KEYS, reservation_ttl=60, now=time)


@pytest.fixture
def budget(budgets: Budgets) -> Budget:
    return budgets.named("test", limit=100)


async def test_what_is_reserved_is_held_until_it_is_settled(budget: Budget) -> None:
    """A reservation takes its part; settling gives back what it did not need."""
    assert figures(await budget.read()) == (100, 0, 0, 100)
    made = await budget.reserve(60, kind=TEA)
    assert figures(await budget.read()) == (100, 0, 60, 40)
    assert made.expires_at == NOON + timedelta(seconds=60)
    with pytest.raises(BudgetExceeded) as caught:
        await budget.reserve(41)
    assert (caught.value.session_id, caught.value.value, caught.value.limit) == ("test", 60, 100)
    assert figures(await budget.settle(made.reservation_id, 25)) == (100, 25, 0, 75)
    assert (await budget.read()).items == (Bought("drinks", "tea", 25, 1),)


async def test_a_released_reservation_gives_everything_back(budget: Budget) -> None:
    """Nothing was bought; released again it stays so."""
    made = await budget.reserve(100)
    for _ in range(2):
        assert figures(await budget.release(made.reservation_id)) == (100, 0, 0, 100)
    assert (await budget.read()).items == ()
    with pytest.raises(ReservationNotFound):
        await budget.settle(made.reservation_id, 1)


async def test_settling_again_counts_once_for_ever(budget: Budget) -> None:
    """Also when three hundred other changes came in between, and not with another amount."""
    made = await budget.reserve(10)
    await budget.settle(made.reservation_id, 7)
    for _ in range(300):
        await budget.spend(0)
    assert (await budget.settle(made.reservation_id, 7)).spent == 7
    with pytest.raises(InvalidSession, match="amount"):
        await budget.settle(made.reservation_id, 8)
    assert (await budget.release(made.reservation_id)).spent == 7
    assert figures(await budget.read()) == (100, 7, 0, 93)


async def test_one_of_many_who_settle_at_once_is_counted(budget: Budget) -> None:
    """All are told the same; the reservation's part is given back once."""
    for _ in range(5):
        made = await budget.reserve(10)
        names = [made.reservation_id] * 10
        told = await asyncio.gather(*(budget.settle(name, 2) for name in names))
        assert len({balance.spent for balance in told}) == 1
    assert figures(await budget.read()) == (100, 10, 0, 90)


async def test_settling_and_releasing_at_once_does_one_of_them(budget: Budget) -> None:
    """Whichever comes first; the other one is told, and nothing is counted twice."""
    for _ in range(5):
        made = await budget.reserve(10)
        calls = [budget.settle(made.reservation_id, 10), budget.release(made.reservation_id)]
        await asyncio.gather(*calls, return_exceptions=True)
    balance = await budget.read()
    assert (balance.reserved, balance.spent % 10) == (0, 0)
    assert balance.spent == 10 * sum(bought.times for bought in balance.items)


async def test_a_purchase_may_cost_more_than_was_reserved(budget: Budget) -> None:
    """What was bought is counted, and the budget says that it is exceeded."""
    made = await budget.reserve(100)
    balance = await budget.settle(made.reservation_id, 130)
    assert figures(balance) == (100, 130, 0, 0)
    assert balance.over
    with pytest.raises(BudgetExceeded):
        await budget.spend(1)
    assert (await budget.spend(0)).spent == 130


async def test_spending_is_one_step(budget: Budget) -> None:
    """What has a price of its own is bought, or refused."""
    assert figures(await budget.spend(60, kind=CAKE)) == (100, 60, 0, 40)
    with pytest.raises(BudgetExceeded):
        await budget.spend(41, kind=TEA)
    assert figures(await budget.spend(40, kind=TEA)) == (100, 100, 0, 0)
    assert (await budget.read()).items == (
        Bought("drinks", "tea", 40, 1),
        Bought("food", "cake", 60, 1),
    )


async def test_under_one_key_it_happens_once(budget: Budget) -> None:
    """A caller who did not hear the answer asks again; another content is refused."""
    first = await budget.reserve(10, kind=TEA, key="k")
    assert await budget.reserve(10, kind=TEA, key="k") == first
    with pytest.raises(InvalidSession, match="key"):
        await budget.reserve(11, kind=TEA, key="k")
    for _ in range(2):
        assert (await budget.spend(20, key="k")).spent == 20
    with pytest.raises(InvalidSession, match="amount"):
        await budget.spend(21, key="k")
    await asyncio.gather(*(budget.reserve(5, key="many") for _ in range(10)))
    assert figures(await budget.read()) == (100, 20, 15, 65)
    await budget.settle(first.reservation_id, 10)
    assert (await budget.reserve(10, kind=TEA, key="k")).reservation_id == first.reservation_id
    assert figures(await budget.read()) == (100, 30, 5, 65)


async def test_a_key_is_one_for_reserving_and_another_for_spending(budget: Budget) -> None:
    """What was spent under it is not taken for what a reservation came to."""
    made = await budget.reserve(10, key="k")
    await budget.settle(made.reservation_id, 5)
    await budget.spend(20, key="k")
    assert (await budget.settle(made.reservation_id, 5)).spent == 25


async def test_a_key_of_a_reservation_that_is_over_makes_no_other(
    budget: Budget, time: Time
) -> None:
    """The same is answered with the same; another amount or kind would be held by nobody."""
    made = await budget.reserve(10, kind=TEA, key="k")
    await budget.settle(made.reservation_id, 5)
    time.passes(1)
    assert await budget.reserve(10, kind=TEA, key="k") == made
    for amount, kind in ((90, TEA), (10, CAKE)):
        with pytest.raises(InvalidSession, match="key"):
            await budget.reserve(amount, kind=kind, key="k")
    assert figures(await budget.read()) == (100, 5, 0, 95)


async def test_a_reservation_that_is_over_and_forgotten_is_not_promised(
    budget: Budget, time: Time
) -> None:
    """Nothing is held under the key any more, and who asks again is told."""
    await budget.reserve(100, key="k")
    for _ in range(2):
        time.passes(86_461)
        await budget.reserve(100)
    with pytest.raises(ReservationNotFound):
        await budget.reserve(100, key="k")


async def test_a_reservation_that_nobody_ends_gives_its_part_back(
    budget: Budget, time: Time
) -> None:
    """When its time is over; to whoever looks, and to whoever needs the room."""
    await budget.reserve(60)
    time.passes(30)
    await budget.reserve(40)
    time.passes(29.9)
    with pytest.raises(BudgetExceeded):
        await budget.reserve(1)
    time.passes(0.1)
    assert figures(await budget.read()) == (100, 0, 40, 60)
    made = await asyncio.gather(*(budget.reserve(20) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(one, BudgetExceeded) for one in made) == 2
    assert figures(await budget.read()) == (100, 0, 100, 0)


async def test_what_is_settled_late_is_counted(budget: Budget, time: Time) -> None:
    """Its part was given back, perhaps to others; what it cost was spent all the same."""
    late, later = await budget.reserve(60), await budget.reserve(40)
    time.passes(60)
    assert figures(await budget.settle(late.reservation_id, 50)) == (100, 50, 0, 50)
    await budget.reserve(50)
    balance = await budget.settle(later.reservation_id, 40)
    assert figures(balance) == (100, 90, 50, 0)
    assert (await budget.settle(later.reservation_id, 40)).spent == 90


async def test_what_is_long_over_is_forgotten(budgets: Budgets, budget: Budget, time: Time) -> None:
    """Nothing is left of it in the account, which stays small."""
    first = await budget.reserve(100)
    for _ in range(3):
        time.passes(86_461)
        await budget.reserve(100)
    with pytest.raises(ReservationNotFound):
        await budget.settle(first.reservation_id, 1)
    (account,) = (await budgets.accounts.list_active()).sessions
    assert len(account.metadata) <= 3


async def test_what_nobody_ends_does_not_pile_up(budgets: Budgets, time: Time) -> None:
    """Also where there is always room: the last hundred can still be settled."""
    budget = budgets.named("free")
    made = [await budget.reserve(1) for _ in range(250)]
    time.passes(60)
    assert (await budget.read()).reserved == 0
    await asyncio.gather(*(budget.reserve(1) for _ in range(5)))
    (account,) = (await budgets.accounts.list_active()).sessions
    assert (account.committed, len(account.open), len(account.late)) == (5 + 50, 5 + 50, 100)
    assert len(account.metadata) == 5 + 50 + 100
    late = [one.reservation_id for one in made if one.reservation_id in account.late]
    assert figures(await budget.settle(late[0], 3)) == (None, 3, 5, None)


async def test_without_a_limit_everything_is_counted(budgets: Budgets) -> None:
    """Nothing is refused, and there is no telling what remains."""
    budget = budgets.named("free")
    await budget.spend(10**12)
    assert figures(await budget.read()) == (None, 10**12, 0, None)


async def test_a_limit_can_be_set(budget: Budget) -> None:
    """It holds for all who hold the budget, whatever limit they were given; None lifts it."""
    await budget.spend(50)
    assert figures(await budget.set_limit(30)) == (30, 50, 0, 0)
    with pytest.raises(BudgetExceeded):
        await budget.reserve(1)
    assert figures(await budget.set_limit(51)) == (51, 50, 0, 1)
    assert (await budget.reserve(1)).amount == 1
    assert (await budget.set_limit(None)).remaining is None


@pytest.mark.parametrize("amount", [-1, 2**53, 1.0, True, float("nan"), "1", None, 10**40])
async def test_what_is_no_amount_is_refused(budgets: Budgets, amount: Any) -> None:
    """Money is counted in whole numbers; nothing is given by spending less than nothing."""
    budget = budgets.named("test", limit=100)
    for call in (budget.reserve, budget.spend, lambda amount: budget.settle("r", amount)):
        with pytest.raises(InvalidSession, match="amount"):
            await call(amount)
    if amount is not None:
        with pytest.raises(InvalidSession, match="limit"):
            await budget.set_limit(amount)
    assert figures(await budget.read()) == (100, 0, 0, 100)


async def test_sums_do_not_overflow(budgets: Budgets) -> None:
    """What would pass the largest integer does not fit, with a limit and without."""
    budget = budgets.named("large")
    await budget.spend(2**53 - 1)
    with pytest.raises(BudgetExceeded):
        await budget.reserve(1)
    assert (await budget.read()).spent == 2**53 - 1


@pytest.mark.parametrize("kind", [Kind(""), Kind("a b"), Kind("c" * 65), Kind("a", "")])
async def test_what_is_no_kind_is_refused(budget: Budget, kind: Kind) -> None:
    """A category is a plain word, an item any text that is not empty."""
    with pytest.raises(InvalidSession):
        await budget.spend(1, kind=kind)
    with pytest.raises(InvalidSession):
        await budget.reserve(1, kind=kind)


async def test_different_kinds_are_bounded(budgets: Budgets) -> None:
    """What comes after the first two hundred is counted together; the sum stays exact."""
    budget = budgets.named("many")
    for number in range(MOST_KINDS + 5):
        await budget.spend(1, kind=Kind("things", f"thing {number}"))
    await budget.spend(3, kind=Kind("things", "thing 0"))
    items = (await budget.read()).items
    assert len(items) == MOST_KINDS + 1
    assert Bought("other", None, 5, 5) in items
    assert Bought("things", "thing 0", 4, 2) in items
    assert sum(bought.amount for bought in items) == (await budget.read()).spent


async def test_sessions_users_and_days_do_not_share(
    store: SessionStore[Any], budgets: Budgets
) -> None:
    """A session that comes again under its id has a new budget; so has each day of a user."""
    session = await store.create("s")
    await budgets.of_session(session, limit=10).spend(10)
    await store.delete("s")
    again = await store.create("s")
    assert (await budgets.of_session(again, limit=10).spend(10)).spent == 10
    today, tomorrow = date(2026, 11, 20), date(2026, 11, 21)
    await budgets.of_user("ann", today, limit=10).spend(10)
    with pytest.raises(BudgetExceeded, match="'user'"):
        await budgets.of_user("ann", today, limit=10).spend(1)
    for other in (budgets.of_user("ann", tomorrow, limit=10), budgets.of_user("bob", today)):
        assert (await other.read()).spent == 0
    assert await store.count_active() == 1


async def test_namespaces_do_not_share(tmp_path: Path) -> None:
    """Of two services on one store each has its own budgets, however long their names are."""
    url = f"sqlite:///{tmp_path}/sessions.db"
    names = ["one", "n" * 64]
    for name in names:
        async with open_store(url, keys=KEYS, namespace=name) as store:
            budget = Budgets(store, keys=KEYS).of_user("ann", date(2026, 11, 20), limit=10)
            assert (await budget.spend(10)).spent == 10


async def test_a_budget_outlives_a_change_of_keys(store: SessionStore[Any]) -> None:
    """Under a new key it is found, with what was spent under the old one."""
    before = Budgets(store, keys=KEYS).named("test", limit=100)
    made = await before.reserve(10, kind=TEA)
    await before.spend(10, kind=TEA)
    newer = Keyring.from_text(f"{Keyring.generate('newer').to_text()},{KEYS.to_text()}")
    after = Budgets(store, keys=newer).named("test", limit=100)
    await after.settle(made.reservation_id, 5)
    await after.spend(1, kind=TEA)
    assert figures(await after.read()) == (100, 16, 0, 84)
    assert (await after.read()).items == (Bought("drinks", "tea", 16, 3),)


async def test_keys_of_purchases_outlive_a_change_of_keys(store: SessionStore[Any]) -> None:
    """Who asks again after it has bought once, and holds one reservation."""
    before = Budgets(store, keys=KEYS).named("test", limit=100)
    await before.spend(20, kind=TEA, key="k")
    made = await before.reserve(10, kind=TEA, key="k")
    newer = Keyring.from_text(f"{Keyring.generate('newer').to_text()},{KEYS.to_text()}")
    after = Budgets(store, keys=newer).named("test", limit=100)
    assert (await after.spend(20, kind=TEA, key="k")).spent == 20
    assert await after.reserve(10, kind=TEA, key="k") == made
    assert figures(await after.read()) == (100, 20, 10, 70)


async def test_where_the_store_is_out_nothing_is_spent(own_redis: RedisServer) -> None:
    """Nobody can tell what is left, so the block is not entered."""
    url = own_redis.url()
    async with open_store(url, keys=KEYS, deadline=0.5) as store:
        budget = Budgets(store, keys=KEYS).named("test", limit=100)
        await budget.spend(1)
        own_redis.stop()
        with pytest.raises(StoreUnavailable):
            async with hold([budget], 1):
                raise AssertionError("not reached")
        with pytest.raises(StoreUnavailable):
            await budget.spend(1)


def test_the_example_of_the_guide_runs() -> None:
    """What docs/how-to/budgets.md shows is what it prints."""
    guide = Path(__file__).parents[1] / "docs" / "how-to" / "budgets.md"
    code = guide.read_text().split("```python\n")[1].split("```")[0]
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.splitlines() == [
        "9250 of 10000", "9250 0 750", "model gpt-4o-mini 1250 1", "search None 8000 1",
    ]  # fmt: skip
