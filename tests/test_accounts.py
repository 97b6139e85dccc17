"""A budget has one account, also while keys are exchanged."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from holdfast import BudgetExceeded, Keyring, SessionStore, open_store
from holdfast.budget import Budgets
from holdfast.key_file import FollowedKeyring, new_entry, rotate, write_key_file
from tests.budgeting import KEYS, figures, url_of


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionStore[Any]]:
    """A store of each kind."""
    async with open_store(url_of(request, tmp_path), keys=KEYS) as opened:
        yield opened


async def test_processes_that_change_keys_at_different_moments_share_a_budget(
    store: SessionStore[Any],
) -> None:
    """Round after round both begin it at once: ten of ten fit, and no more."""
    newer, older = Keyring.generate("newer").to_text(), KEYS.to_text()
    both = [Keyring.from_text(f"{newer},{older}"), Keyring.from_text(f"{older},{newer}")]
    for turn in range(5):
        budgets = [Budgets(store, keys=keys).named(f"turn {turn}", limit=100) for keys in both]
        answers = await asyncio.gather(
            *(budgets[place % 2].spend(10) for place in range(40)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, BudgetExceeded)]
        assert len(refused) == 30
        for budget in budgets:
            assert figures(await budget.read()) == (100, 100, 0, 0)


async def test_a_budget_that_is_kept_at_hand_follows_the_keys(
    store: SessionStore[Any], tmp_path: Path
) -> None:
    """It finds what was begun under a key that came later."""
    path = tmp_path / "keys"
    write_key_file(path, [new_entry("first")])
    early = Budgets(store, keys=FollowedKeyring(path, every=0)).named("test", limit=100)
    rotate(path, settles=0, now=0)
    await Budgets(store, keys=FollowedKeyring(path)).named("test", limit=100).spend(100)
    assert figures(await early.read()) == (100, 100, 0, 0)
