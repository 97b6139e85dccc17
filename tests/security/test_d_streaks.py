"""Checklist D: how many wrong passwords an account sees in a row, however slowly they come."""

from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast import Session, SessionStore
from holdfast.backends.memory import MemoryBackend
from holdfast.server.auth.throttle import Throttle
from holdfast.server.database import open_database
from holdfast.server.database.location import database_url
from holdfast.server.users import User, Users
from holdfast.server.users.errors import HashingBusy
from holdfast.server.users.streaks import FOR_STRANGERS, MOST_IN_A_ROW
from holdfast.testing import ManualClock
from tests.security.guard_jobs import Looking, fail
from tests.security.processes import KEYS, Processes

PASSWORD = "four lamps on a quiet quay"
OTHER = "a heron walked across ice"
QUARTER_OF_A_DAY = 6 * 3600


@dataclass
class People:
    """The users, the hasher that counts, and one of the users."""

    url: str
    users: Users
    hasher: Looking
    owner: User

    async def fail(self, times: int, *, known: bool = False) -> int:
        """Try wrong passwords one after the other; say how many were looked at."""
        before = self.hasher.looked_at
        for number in range(times):
            assert await self.users.check("owner", f"{number}", known_device=known) is None
        return self.hasher.looked_at - before

    async def gets_in(self, password: str = PASSWORD, *, known: bool = False) -> bool:
        return await self.users.check("owner", password, known_device=known) is not None


@pytest.fixture
async def people(tmp_path: Path) -> AsyncGenerator[People]:
    url = database_url(tmp_path / "application.db")
    async with open_database(url) as database:
        with closing(Looking()) as hasher:
            users = Users(database, hasher)
            owner = await users.add("owner", PASSWORD, roles={"staff"})
            yield People(url, users, hasher, owner)


async def test_security_042_no_account_fails_more_than_a_hundred_times_in_a_row(
    people: People,
) -> None:
    """One try each six hours from everywhere, for a hundred days, devices of the account too."""
    clock = ManualClock()
    store = SessionStore(
        MemoryBackend(clock=clock.clock), model=Session, keys=KEYS, clock=clock.clock
    )
    throttle = Throttle(store, KEYS, limit=5, now=lambda: clock.clock.wall() / 1_000_000)
    cookie = await throttle.succeeded(await throttle.admit("owner", "home"))
    for turn in range(4 * 100):
        for shown in (None, cookie):
            admission = await throttle.admit("owner", f"network {turn}", shown)
            assert admission.allowed
            known = admission.device is not None
            assert await people.users.check("owner", f"{turn}", known_device=known) is None
        clock.advance(QUARTER_OF_A_DAY)
    assert people.hasher.looked_at == MOST_IN_A_ROW == 100


async def test_security_042_a_right_password_ends_the_row(people: People) -> None:
    """What counts is failures without a success between them."""
    for known in (False, True) * 3:
        assert await people.fail(FOR_STRANGERS - 1) == FOR_STRANGERS - 1
        assert await people.gets_in(known=known)


async def test_security_042_tries_of_processes_do_not_pass_together(
    people: People, processes: Processes
) -> None:
    """Two hundred at once of two processes: as many are looked at as are left, exactly."""
    assert await people.fail(70) == 70
    looked_at = await processes.run(fail, people.url, told=("owner", False))
    assert sum(looked_at) == FOR_STRANGERS - 70
    looked_at = await processes.run(fail, people.url, told=("owner", True))
    assert sum(looked_at) == MOST_IN_A_ROW - FOR_STRANGERS


async def test_security_043_strangers_do_not_use_up_the_tries_of_known_devices(
    people: People,
) -> None:
    """Where nobody else gets in any more, the owner does there, and with that everywhere."""
    assert await people.fail(200) == FOR_STRANGERS
    assert not await people.gets_in()
    assert await people.fail(5, known=True) == 5
    assert await people.gets_in(known=True)
    assert await people.gets_in()


@pytest.mark.parametrize("known", [False, True])
async def test_security_043_whoever_manages_users_lets_them_in_again(
    people: People, known: bool
) -> None:
    """With a new password, or by letting them sign in; another role is nothing of the kind."""
    users, user_id = people.users, people.owner.user_id
    await people.fail(MOST_IN_A_ROW, known=True)
    assert await users.locked() == {user_id}
    await users.change(user_id, roles={"admin"})
    assert not await people.gets_in(known=known)
    await users.enable(user_id)
    assert await users.locked() == frozenset()
    assert await people.gets_in(known=known)
    await people.fail(MOST_IN_A_ROW, known=True)
    await users.set_password(user_id, OTHER)
    assert await people.gets_in(OTHER, known=known)


async def test_security_042_who_was_not_looked_at_has_not_failed(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While too many passwords wait to be hashed, a row grows no longer."""

    async def busy(*_: object, **_more: object) -> bool:
        raise HashingBusy(retry_after=1)

    with monkeypatch.context() as patched:
        patched.setattr(people.hasher, "verify", busy)
        for _ in range(FOR_STRANGERS):
            with pytest.raises(HashingBusy):
                await people.gets_in()
    assert await people.fail(200) == FOR_STRANGERS


async def test_security_049_names_that_nobody_has_leave_one_number(people: People) -> None:
    """All of them together, with whoever is disabled and with rows that are full."""
    for number in range(20):
        assert await people.users.check(f"nobody {number}", PASSWORD) is None
    await people.fail(FOR_STRANGERS + 1)
    async with people.users._database.reading() as connection:
        rows = (await connection.exec_driver_sql("SELECT * FROM holdfast_streaks")).all()
    assert {tuple(row) for row in rows} == {("", 21), (people.owner.user_id, FOR_STRANGERS)}
    assert await people.users.remove(people.owner.user_id)
    async with people.users._database.reading() as connection:
        rows = (await connection.exec_driver_sql("SELECT * FROM holdfast_streaks")).all()
    assert [tuple(row) for row in rows] == [("", 21)]
