"""Real stores under many callers: what they are asked and answer passes all checks."""

import asyncio
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from holdfast.opening import InMemorySessionStore, SQLiteSessionStore
from holdfast.store import SessionStore
from holdfast.testing.histories import (
    Call,
    CheckedSession,
    History,
    Recorder,
    check,
    perform,
)
from tests.testing.histories.simulation import KEYS, Caller, Plan, choose, learn

Open = Callable[[Path], SessionStore[CheckedSession]]
PLAN = Plan(seed=0, calm=("calm", "second"), wild=("wild",))


def open_memory(_path: Path) -> SessionStore[CheckedSession]:
    return InMemorySessionStore(model=CheckedSession, keys=KEYS)


def open_sqlite(path: Path) -> SessionStore[CheckedSession]:
    return SQLiteSessionStore(path / "sessions.db", model=CheckedSession, keys=KEYS)


@pytest.mark.parametrize("open_one", [open_memory, open_sqlite])
async def test_a_store_passes_all_checks(open_one: Open, tmp_path: Path) -> None:
    """Ten callers at once, a fifth of their calls cancelled."""
    async with open_one(tmp_path) as store:
        with Recorder(tmp_path / "history.jsonl", process="p") as recorder:
            for session in (*PLAN.calm, *PLAN.wild):
                call = Call("create", session, {"values": {"topic": "none"}})
                await recorder.record("main", call, partial(perform, store, call))
            await asyncio.gather(*(_call(store, recorder, place) for place in range(10)))
    verdict = check(History.load(tmp_path / "history.jsonl"))
    assert verdict.ok, str(verdict)
    assert verdict.operations == 3 + 10 * 60


async def _call(store: SessionStore[CheckedSession], recorder: Recorder, place: int) -> None:
    dice = random.Random(place)
    caller = Caller(f"c{place}")
    for turn in range(60):
        call = choose(dice, PLAN, caller, turn)
        work = asyncio.create_task(
            recorder.record(caller.name, call, partial(perform, store, call))
        )
        if dice.random() < 0.2:
            await asyncio.sleep(dice.random() / 1000)
            work.cancel()
        await asyncio.wait([work])
        if not work.cancelled() and work.result().outcome == "ok":
            learn(caller, call, turn, work.result().answer)
