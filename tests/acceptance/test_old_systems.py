"""What the systems before this one got wrong, asked of ours, through the front door."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from holdfast import (
    Change,
    InvalidSession,
    Keyring,
    SessionNotFound,
    SessionStore,
    StoreUnavailable,
    SupportSession,
    open_store,
)
from holdfast.backend import Found, Read

Store = SessionStore[SupportSession]
T = TypeVar("T")
ID = "conversation"
KEYS = Keyring.generate("acceptance")


def url(kind: str, folder: Path) -> str:
    return {"memory": "memory://", "sqlite": f"sqlite:///{folder}/sessions.db"}[kind]


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(url(request.param, tmp_path), model=SupportSession, keys=KEYS) as store:
        yield store


async def together(calls: Iterable[Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*calls))


async def present(store: Store, session_id: str = ID) -> SupportSession:
    session = await store.get(session_id)
    assert session is not None
    return session


async def kept(store: Store, folder: Path) -> bytes:
    """Everything that the store keeps, as bytes: its file, or its records."""
    files = [path.read_bytes() for path in folder.iterdir() if path.is_file()]
    outcome = await store.backend.execute(Read(f"default/{ID}"))
    assert isinstance(outcome, Found)
    values = outcome.record.values
    return b"".join([*files, *values.keys(), *values.values(), outcome.record.user_tag])


async def test_a_hundred_increments_return_each_of_a_hundred_values(store: Store) -> None:
    """Exactly {1..100}, several rounds on the same session."""
    await store.create(ID)
    for turn in range(5):
        values = await together(store.increment_counter(ID, "message_count") for _ in range(100))
        assert set(values) == set(range(turn * 100 + 1, turn * 100 + 101))
        assert len(values) == 100


async def test_fifty_updates_are_all_there_and_sealed(store: Store, tmp_path: Path) -> None:
    """Nothing of what was written can be read in the file, its journals or the records."""
    await store.create(ID, user_id="Zanzibar-user")
    await together(
        store.update(ID, {f"Quetzal-key-{place}": f"Wombat-value-{place}"}) for place in range(50)
    )
    await store.append(ID, {"text": "Kumquat-message"})
    session = await present(store)
    assert session.metadata == {
        f"Quetzal-key-{place}": f"Wombat-value-{place}" for place in range(50)
    }
    assert session.revision == 52
    raw = await kept(store, tmp_path)
    assert len(raw) > 50 * 60
    for word in (b"Zanzibar", b"Quetzal", b"Wombat", b"Kumquat"):
        assert word not in raw


@pytest.mark.slow
async def test_ten_and_fifty_turns_of_200_ms_all_have_their_turn(tmp_path: Path) -> None:
    """Waiting up to 60 s; one after another, in the order in which they came, on both stores."""

    async def turns(store: Store, session_id: str, number: int) -> list[int]:
        order: list[int] = []
        await store.create(session_id)

        async def turn(place: int) -> None:
            async with store.lease(session_id, wait=60) as lease:
                before = await present(store, session_id)
                await asyncio.sleep(0.2)
                order.append(place)
                count = before.message_count
                await lease.apply(Change(set={"message_count": count + 1}, append=[place]))

        await together(turn(place) for place in range(number))
        assert (await present(store, session_id)).message_count == number
        assert [item.value for item in await store.items(session_id)] == order
        return order

    async with AsyncExitStack() as stack:
        stores = [
            await stack.enter_async_context(
                open_store(url(kind, tmp_path), model=SupportSession, keys=KEYS)
            )
            for kind in ("memory", "sqlite")
        ]
        began = time.monotonic()
        orders = await together(
            turns(store, f"turns-{number}", number) for store in stores for number in (10, 50)
        )
        took = time.monotonic() - began
    assert orders == [list(range(10)), list(range(50))] * 2
    assert 10 <= took < 20


async def test_forty_updates_cost_no_more_time_than_they_took(store: Store) -> None:
    """A session of 60 s keeps its deadline to the microsecond; a touch does not reset it."""
    made = await store.create(ID, ttl=60)
    for place in range(40):
        await store.update(ID, topic=place)
        await store.touch(ID)
    session = await present(store)
    assert session.expires_at == made.expires_at == made.created_at + timedelta(seconds=60)


async def test_an_expired_session_is_not_updated(store: Store) -> None:
    """Collected or not."""
    await store.create(ID, ttl=0.05)
    await asyncio.sleep(0.06)
    with pytest.raises(SessionNotFound):
        await store.update(ID, topic="late")
    assert await store.get(ID) is None


async def test_readers_have_copies(store: Store) -> None:
    """Neither what was given nor what was read is a way into the store."""
    given: dict[str, Any] = {"history": [1]}
    made = await store.create(ID, metadata=given)
    given["history"].append(2)
    read = await present(store)
    for session in (made, read):
        with pytest.raises(TypeError):
            session.metadata["history"] = []
        mine = session.model_dump()["metadata"]
        mine["history"].append(3)
    assert (await present(store)).metadata == {"history": [1]}


async def test_json_comes_back_as_it_went_in(store: Store) -> None:
    """Empty lists stay lists, large integers stay exact, unknown fields stay."""
    values: dict[str, Any] = {
        "empty list": [], "empty object": {}, "large": 12345678901234567, "tenth": 0.1,
        "one": 1.0, "accent": "é", "nested": {"list": [[], {}], "null": None, "flag": True},
    }  # fmt: skip
    await store.create(ID, metadata=values)
    await store.update(ID, ticket_id="T-1")
    await store.increment_counter(ID, "message_count")
    session = await present(store)
    assert repr(dict(session.metadata)) == repr(values)
    assert type(session.metadata["one"]) is float


async def test_fifty_callers_create_one_session(store: Store) -> None:
    """All get the same one."""
    for turn in range(4):
        made = await together(store.get_or_create(f"c{turn}") for _ in range(50))
        assert len({session.incarnation for session in made}) == 1
    assert await store.count_active() == 4


@pytest.mark.parametrize("in_flight", [5, 10, 50])
async def test_sessions_created_used_and_deleted_in_haste_are_never_missed(
    store: Store, in_flight: int
) -> None:
    """Every one of 200 lives goes well, and nothing is left of them."""
    gate = asyncio.Semaphore(in_flight)

    async def live(place: int) -> None:
        async with gate:
            session = await store.create(user_id=f"user-{place}")
            name = session.session_id
            assert (await present(store, name)).user_id == f"user-{place}"
            assert await store.increment_counter(name, "message_count") == 1
            await store.update(name, {"place": place})
            assert await store.append(name, place) == 1
            assert (await present(store, name)).metadata == {"place": place}
            assert await store.delete(name) is True
            assert await store.get(name) is None

    await together(live(place) for place in range(200))
    assert await store.count_active() == 0


async def test_a_store_that_is_closed_is_not_an_empty_one(store: Store) -> None:
    """Whoever asks too late is told so, and not that the conversation is gone."""
    await store.create(ID)
    await store.__aexit__(None, None, None)
    for call in (store.get, store.exists, store.create, store.delete, store.items):
        with pytest.raises(StoreUnavailable):
            await call(ID)


async def test_a_change_that_is_refused_names_its_field(store: Store) -> None:
    """And leaves the session as it was."""
    made = await store.create(ID)
    with pytest.raises(InvalidSession) as caught:
        await store.update(ID, message_count=-1, ticket_id="T-1")
    assert caught.value.field == "message_count"
    assert await store.get(ID) == made
