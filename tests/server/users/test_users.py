"""Users in the application database."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta

import bcrypt
import pytest
from sqlalchemy import select

from holdfast.server.database import Database
from holdfast.server.users import (
    Hasher,
    InvalidUser,
    LastAdmin,
    UserExists,
    UserNotFound,
    Users,
)
from holdfast.server.users.hashing import Cost
from holdfast.server.users.tables import USERS
from tests.server.users.conftest import OTHER, PASSWORD, Now

QUICK = Cost(memory_kib=64, passes=1, lanes=1)


@pytest.fixture
def hasher() -> "Hasher":
    return Hasher(QUICK)


@pytest.fixture
async def users(database: Database, hasher: Hasher, now: Now) -> AsyncGenerator[Users]:
    yield Users(database, hasher, now=now)
    hasher.close()


async def _hash(database: Database, name: str) -> str:
    query = select(USERS.c.password_hash).where(USERS.c.name == name)
    async with database.reading() as connection:
        return str((await connection.execute(query)).scalar_one())


async def test_a_user_is_added_and_found(users: Users, now: Now) -> None:
    """Under the id and under the name, as they were made."""
    anna = await users.add("anna", PASSWORD, roles=["staff", "admin"])
    assert (anna.name, anna.disabled) == ("anna", False)
    assert anna.roles == {"staff", "admin"}
    assert anna.created_at == anna.password_changed_at == now.time
    assert len(anna.user_id) >= 22
    assert await users.get(anna.user_id) == anna
    assert await users.find("anna") == anna
    assert await users.get("anna") is None
    assert await users.find(anna.user_id) is None


@pytest.mark.parametrize("spelling", ["ANNA", "Anna", "\uff41\uff4e\uff4e\uff41"])
async def test_one_name_has_one_user_however_it_is_written(users: Users, spelling: str) -> None:
    """Case and width make no second user, and do not keep the first one out."""
    anna = await users.add("anna", PASSWORD, roles=["staff"])
    with pytest.raises(UserExists):
        await users.add(spelling, OTHER, roles=["staff"])
    assert await users.find(spelling) == anna
    assert await users.check(spelling, PASSWORD) == anna


async def test_a_name_is_given_once_to_many_at_once(users: Users) -> None:
    """Of twenty that ask for it together, one gets it."""
    asked = (users.add("anna", PASSWORD, roles=["staff"]) for _ in range(20))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, UserExists) for answer in answers) == 19
    assert [user.name for user in await users.list()] == ["anna"]


@pytest.mark.parametrize(
    ("name", "password", "roles", "field"),
    [
        ("", PASSWORD, ["staff"], "name"),
        ("n" * 129, PASSWORD, ["staff"], "name"),
        ("an na", PASSWORD, ["staff"], "name"),
        ("anna", "short", ["staff"], "password"),
        ("anna", PASSWORD, [], "roles"),
        ("anna", PASSWORD, ["staff", "owner"], "roles"),
        ("anna", PASSWORD, ["visitor"], "roles"),
    ],
)
async def test_what_breaks_a_rule_is_refused(
    users: Users, name: str, password: str, roles: list[str], field: str
) -> None:
    """The error names the field, and nobody is added."""
    with pytest.raises(InvalidUser) as refusal:
        await users.add(name, password, roles=roles)
    assert refusal.value.field == field
    assert await users.list() == []


async def test_users_are_listed_by_name_a_page_at_a_time(users: Users) -> None:
    """A page begins behind the name that the one before ended with."""
    for name in ("cleo", "anna", "bert"):
        await users.add(name, PASSWORD, roles=["staff"])
    first = await users.list(limit=2)
    assert [user.name for user in first] == ["anna", "bert"]
    assert [user.name for user in await users.list(after="bert", limit=2)] == ["cleo"]


async def test_only_the_right_password_of_a_user_who_may_sign_in_is_answered(users: Users) -> None:
    """Another password, another name, what is no name or no password: None."""
    anna = await users.add("anna", PASSWORD, roles=["staff"])
    assert await users.check("anna", PASSWORD) == anna
    for name, password in [
        ("anna", OTHER),
        ("anna", ""),
        ("anna", PASSWORD[:-1]),
        ("anna", "x" * 100_000),
        ("anna", "\ud800" * 20),
        ("bert", PASSWORD),
        ("", PASSWORD),
        ("an\nna", PASSWORD),
        ("\ud800", PASSWORD),
    ]:
        assert await users.check(name, password) is None


async def test_a_password_is_the_same_however_its_letters_are_composed(users: Users) -> None:
    """An umlaut of one character and one of two are one letter."""
    anna = await users.add("anna", "ein Boot fährt übers Meer", roles=["staff"])
    assert await users.check("anna", "ein Boot fa\u0308hrt u\u0308bers Meer") == anna


async def test_a_disabled_user_is_not_let_in_until_enabled(users: Users) -> None:
    """Everything else of the user stays."""
    anna = await users.add("anna", PASSWORD, roles=["staff"])
    assert await users.disable(anna.user_id) == anna._replace(disabled=True)
    assert await users.check("anna", PASSWORD) is None
    assert await users.enable(anna.user_id) == anna
    assert await users.check("anna", PASSWORD) == anna


async def test_another_password_replaces_the_first(users: Users, now: Now) -> None:
    """The old one opens nothing, and when it was changed is known."""
    anna = await users.add("anna", PASSWORD, roles=["staff"])
    now.time += timedelta(days=1)
    changed = await users.set_password(anna.user_id, OTHER)
    assert changed == anna._replace(password_changed_at=now.time)
    assert await users.check("anna", PASSWORD) is None
    assert await users.check("anna", OTHER) == changed
    with pytest.raises(InvalidUser):
        await users.set_password(anna.user_id, "anna anna anna anna")
    assert await users.check("anna", OTHER) == changed


async def test_several_things_are_changed_together_or_not_at_all(users: Users) -> None:
    """One rule that is broken keeps all of it from happening; nothing to change changes nothing."""
    anna = await users.add("anna", PASSWORD, roles=["staff"])
    assert await users.change(anna.user_id) == anna
    with pytest.raises(InvalidUser):
        await users.change(anna.user_id, roles=["admin"], disabled=True, password="short")
    assert await users.get(anna.user_id) == anna
    changed = await users.change(anna.user_id, roles=["admin"], disabled=True, password=OTHER)
    assert (changed.roles, changed.disabled) == (frozenset({"admin"}), True)
    assert await users.enable(anna.user_id) == await users.check("anna", OTHER)


async def test_a_removed_user_is_gone_and_the_next_of_the_name_is_another(users: Users) -> None:
    """Their ids differ, so nothing of the first one is the second one's."""
    anna = await users.add("anna", PASSWORD, roles=["staff"])
    assert await users.remove(anna.user_id)
    assert not await users.remove(anna.user_id)
    assert await users.check("anna", PASSWORD) is None
    again = await users.add("anna", PASSWORD, roles=["staff"])
    assert again.user_id != anna.user_id


async def test_who_is_not_there_cannot_be_changed(users: Users) -> None:
    """Each change says that there is no such user."""
    for change in (users.disable, users.enable):
        with pytest.raises(UserNotFound):
            await change("nobody")
    with pytest.raises(UserNotFound):
        await users.set_password("nobody", PASSWORD)
    with pytest.raises(UserNotFound):
        await users.change("nobody", roles=["staff"])


@pytest.mark.parametrize("way", ["disable", "remove", "change"])
async def test_the_last_admin_can_be_kept(users: Users, way: str) -> None:
    """A disabled one does not count; without asking for it the last one can go."""

    async def take(user_id: str, *, keep_admin: bool) -> None:
        match way:
            case "disable":
                await users.disable(user_id, keep_admin=keep_admin)
            case "remove":
                await users.remove(user_id, keep_admin=keep_admin)
            case _:
                await users.change(user_id, roles=["staff"], keep_admin=keep_admin)

    anna, bert = [await users.add(n, PASSWORD, roles=["admin"]) for n in ("anna", "bert")]
    await users.disable(bert.user_id, keep_admin=True)
    with pytest.raises(LastAdmin):
        await take(anna.user_id, keep_admin=True)
    assert await users.get(anna.user_id) == anna
    await users.enable(bert.user_id)
    await take(anna.user_id, keep_admin=True)
    await take(bert.user_id, keep_admin=False)
    assert await users.get(bert.user_id) != bert


async def test_two_admins_cannot_disable_each_other_at_once(users: Users) -> None:
    """In every round one of them is left."""
    pair = [await users.add(name, PASSWORD, roles=["admin"]) for name in ("anna", "bert")]
    for _ in range(10):
        answers = await asyncio.gather(
            *(users.disable(user.user_id, keep_admin=True) for user in pair),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers].count(LastAdmin) == 1
        for user in pair:
            await users.enable(user.user_id)


async def test_old_hashes_open_once_and_are_made_anew(users: Users, database: Database) -> None:
    """A right password turns bcrypt into Argon2id; a wrong one leaves it as it is."""
    old = bcrypt.hashpw(b"short", bcrypt.gensalt(4)).decode()
    async with database.writing() as connection:
        anna = await users.add_hashed(connection, "anna", old, roles=frozenset({"staff"}))
    assert await users.check("anna", "wrong") is None
    assert await _hash(database, "anna") == old
    assert await users.check("anna", "short") == anna
    assert (await _hash(database, "anna")).startswith("$argon2id$")
    assert await users.check("anna", "short") == anna


async def test_an_old_hash_of_a_long_password_opens(users: Users, database: Database) -> None:
    """bcrypt read 72 bytes of it; from the first sign-in on, all of it counts."""
    long = "a long one, " * 10
    old = bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4)).decode()
    async with database.writing() as connection:
        await users.add_hashed(connection, "anna", old, roles=frozenset({"staff"}))
    assert await users.check("anna", long) is not None
    assert await users.check("anna", long[:80]) is None
    assert await users.check("anna", long) is not None


async def test_a_password_changed_during_a_sign_in_is_not_opened_by_the_old_one(
    users: Users, database: Database, now: Now
) -> None:
    """What was right when it was read is not let in when it is not right any more."""
    anna = await users.add("anna", PASSWORD, roles=["staff"])
    slow = Slow(lambda: users.set_password(anna.user_id, OTHER), now)
    assert await Users(database, slow).check("anna", PASSWORD) is None
    slow.close()


async def test_a_user_disabled_during_a_sign_in_is_not_let_in(
    users: Users, database: Database, now: Now
) -> None:
    """The same for one who is disabled meanwhile."""
    anna = await users.add("anna", PASSWORD, roles=["staff"])
    slow = Slow(lambda: users.disable(anna.user_id), now)
    assert await Users(database, slow).check("anna", PASSWORD) is None
    slow.close()


class Slow(Hasher):
    """A hasher during whose work something else happens."""

    def __init__(self, meanwhile: Callable[[], object], now: Now) -> None:
        super().__init__(QUICK)
        self._meanwhile, self._clock = meanwhile, now

    async def verify(self, known: str | None, password: bytes, *, old_rounds: int | None) -> bool:
        right = await super().verify(known, password, old_rounds=old_rounds)
        assert right
        self._clock.time += timedelta(seconds=1)
        await self._meanwhile()  # type: ignore[misc]
        return right
