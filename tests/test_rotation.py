"""Keys are exchanged under sessions in use, on every store."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from holdfast import (
    Change,
    Counter,
    Flag,
    InvalidSession,
    Keyring,
    Session,
    SessionFilter,
    SessionStore,
    open_store,
)
from holdfast.backend import Backend
from tests.redis_servers import RedisServer

OLD = Keyring.generate("old").to_text()
NEW = Keyring.generate("new").to_text()


class Visit(Session):
    topic: str = ""
    visits: Counter = 0
    seen: Flag = False


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Backend]:
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        url = server.url()
    else:
        url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/s.db"
    async with open_store(url, keys=Keyring.from_text(OLD)) as store:
        yield store.backend


def under(backend: Backend, *keys: str) -> SessionStore[Visit]:
    """Give a store of the same sessions with these keys, the first one sealing."""
    return SessionStore(backend, model=Visit, keys=Keyring.from_text(",".join(keys)))


@pytest.mark.parametrize("keys", [(OLD, NEW), (NEW, OLD)], ids=["rolled out", "sealing"])
async def test_a_repeated_change_is_known_through_a_rotation(
    backend: Backend, keys: tuple[str, str]
) -> None:
    """The same content has a digest under each key of the ring."""
    before, after = under(backend, OLD), under(backend, *keys)
    await before.create("s")
    change = Change(add={"visits": 1}, change_id="once")
    assert not (await before.apply("s", change)).replayed
    assert (await after.apply("s", change)).replayed
    with pytest.raises(InvalidSession):
        await after.apply("s", Change(add={"visits": 2}, change_id="once"))


@pytest.mark.parametrize("first", [0, 1], ids=["new first", "old first"])
async def test_workers_that_seal_with_different_keys_know_each_others_changes(
    backend: Backend, first: int
) -> None:
    """Who repeats a change at the other worker has its answer, and nothing happens twice."""
    workers = under(backend, NEW, OLD), under(backend, OLD, NEW)
    one, other = workers[first], workers[1 - first]
    await one.create("s", topic="refund")
    change = Change(
        set={"topic": "done", "note": [1]}, add={"visits": 1}, append=["said"], change_id="once"
    )
    told = await one.apply("s", change)
    assert (await other.apply("s", change)) == told._replace(replayed=True)
    with pytest.raises(InvalidSession, match="change_id"):
        await other.apply("s", change._replace(append=("something else",)))
    read = await other.get("s")
    assert read is not None
    assert (read.topic, read.metadata, read.visits) == ("done", {"note": [1]}, 1)
    assert [item.value for item in await one.items("s")] == ["said"]


async def test_a_session_put_in_place_under_a_new_key_keeps_its_user(backend: Backend) -> None:
    """It is listed by its user, and can be put in place again, without the old key."""
    await under(backend, OLD).create("s", user_id="ann", topic="refund")
    both = under(backend, NEW, OLD)
    read = await both.get("s")
    assert read is not None
    await both.set(read)
    new = under(backend, NEW)
    page = await new.list_active(filter=SessionFilter(user_id="ann"))
    assert [session.session_id for session in page.sessions] == ["s"]
    again = await new.get("s")
    assert again is not None
    assert (await new.set(again)).revision == 3


async def test_what_an_answer_holds_is_not_what_the_store_holds(backend: Backend) -> None:
    """Counters of an answer cannot be written to."""
    store = under(backend, OLD)
    await store.create("s")
    applied = await store.apply("s", Change(add={"visits": 1}))
    with pytest.raises(TypeError):
        applied.counters["visits"] = 500  # type: ignore[index]
    assert await store.increment_counter("s", "visits") == 2


async def test_a_snapshot_without_an_incarnation_replaces_nothing(backend: Backend) -> None:
    """A hand-made copy cannot tell which life of the session it belongs to."""
    store = under(backend, OLD)
    await store.create("s", topic="mine")
    with pytest.raises(InvalidSession, match="incarnation"):
        await store.set(Visit(session_id="s", revision=1, topic="theirs"))


@pytest.mark.parametrize("wrong", [None, {"topic": "x"}, "change"])
async def test_what_is_no_change_is_refused(backend: Backend, wrong: object) -> None:
    """With a word about `update`, also inside a transaction."""
    store = under(backend, OLD)
    await store.create("s")
    with pytest.raises(InvalidSession, match="update"):
        await store.apply("s", wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidSession, match="update"):
        await store.transact("s", lambda _: wrong)  # type: ignore[arg-type,return-value]
