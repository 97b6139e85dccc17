"""What stands under older keys is sealed anew, by readers and by the job, on every store."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import pytest

from holdfast import (
    Change,
    Counter,
    DecryptionFailed,
    Keyring,
    Session,
    SessionFilter,
    SessionStore,
    StoreUnavailable,
    open_store,
)
from holdfast.backend import Backend, Operation, Outcome, Read, Reseal
from holdfast.key_file import FollowedKeyring, new_entry, rotate, write_key_file
from holdfast.resealing import BYTES_A_STEP, SealedSpace
from tests.redis_servers import RedisServer

OLD = Keyring.generate("old").to_text()
NEW = Keyring.generate("new").to_text()
TURNED = Keyring.from_text(f"{NEW},{OLD}")
STATE: dict[str, Any] = {"topic": "réfund", "note": {"a": [1, {}]}, "u": "named like a user"}


class Visit(Session):
    topic: str = ""
    visits: Counter = 0


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Backend]:
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        url = server.url()
    else:
        url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/s.db"
    async with open_store(url, keys=TURNED) as store:
        yield store.backend


def under(backend: Backend, keys: str | Keyring) -> SessionStore[Visit]:
    """Give a store of the same sessions with these keys, the first one sealing."""
    ring = Keyring.from_text(keys) if isinstance(keys, str) else keys
    return SessionStore(backend, model=Visit, keys=ring)


def space(backend: Backend, keys: Keyring = TURNED) -> SealedSpace:
    return SealedSpace(backend, namespace="default", keys=keys)


async def filled(backend: Backend, sessions: int = 3) -> SessionStore[Visit]:
    """Give a store under the old key, with sessions that hold everything that is sealed."""
    old = under(backend, OLD)
    for number in range(sessions):
        name = f"s{number}"
        await old.create(name, user_id="ann", **STATE)
        await old.append(name, "one", {"two": 2})
        await old.apply(name, Change(append=["three"], change_id="caller's own"))
        await old.keep_draft(name, {"so": "far"})
    return old


async def test_the_job_leaves_nothing_under_the_old_key(backend: Backend) -> None:
    """Values, names, log, draft and user's tag: all is there, read with the new key alone."""
    old = await filled(backend)
    before = await old.get("s1")
    assert before is not None
    job = space(backend)
    assert await job.left() == {"old": 3 * 9}
    done = await job.reseal()
    assert (done.sessions, done.unreadable) == (3, 0)
    assert await job.left() == {}
    assert await job.count() == {"new": 3 * 9}
    assert (await job.reseal()).exchanged == 0
    new = under(backend, NEW)
    assert await new.get("s1") == before
    assert [item.value for item in await new.items("s1")] == ["one", {"two": 2}, "three"]
    assert await new.read_draft("s1") == {"so": "far"}
    page = await new.list_active(filter=SessionFilter(user_id="ann"))
    assert [session.session_id for session in page.sessions] == ["s0", "s1", "s2"]
    await new.update("s1", topic="changed", note=None)
    changed = await new.get("s1")
    assert changed is not None
    assert changed.topic == "changed"
    assert changed.metadata == {"note": None, "u": STATE["u"]}


async def test_long_logs_and_many_sessions_are_gone_through(backend: Backend) -> None:
    """More than fit on a page, with holes in the log."""
    old = under(backend, OLD)
    for number in range(120):
        await old.create(f"s{number}")
    for start in range(0, 250, 50):
        await old.append("s7", *range(start, start + 50))
    await old.pop_item("s7")
    await old.append("s7", "after the hole")
    await space(backend).reseal()
    assert await space(backend).left() == {}
    values = [item.value for item in await under(backend, NEW).items("s7", limit=1000)]
    assert values == [*range(249), "after the hole"]


async def test_large_items_are_gone_through_in_steps(backend: Backend) -> None:
    """However much a log holds, others are answered in between."""
    old = under(backend, OLD)
    await old.create("s")
    for number in range(20):
        await old.append("s", str(number) * 100_000)
    steps: list[int] = []

    class Watched:
        """Notes how much each step carries."""

        def __getattr__(self, name: str) -> Any:
            return getattr(backend, name)

        async def execute(self, operation: Operation) -> Outcome:
            if isinstance(operation, Reseal) and operation.items:
                steps.append(sum(len(one.sealed + one.resealed) for one in operation.items))
            return await backend.execute(operation)

    await space(cast(Backend, Watched())).reseal()
    assert await space(backend).left() == {}
    assert max(steps) <= BYTES_A_STEP
    assert len(steps) > 3


async def test_a_value_that_is_read_is_sealed_anew(backend: Backend) -> None:
    """Reading does it, without a new revision; the next reader needs the new key alone."""
    old = await filled(backend, 1)
    turned = under(backend, TURNED)
    read = await turned.get("s0")
    assert read == await under(backend, NEW).get("s0")
    assert read is not None
    assert read.revision == 3
    page = await under(backend, NEW).list_active(filter=SessionFilter(user_id="ann"))
    assert len(page.sessions) == 1
    assert await space(backend).left() == {"old": 4}
    with pytest.raises(DecryptionFailed):
        await old.get("s0")


@pytest.mark.parametrize("keys", [(NEW, OLD), (OLD, NEW)], ids=["turned", "rolled out"])
async def test_a_change_between_reading_and_sealing_anew_wins(
    backend: Backend, keys: tuple[str, str]
) -> None:
    """A writer under the new key, and one under the old key that knows the new one."""
    writer = under(backend, ",".join(keys))
    await filled(backend, 1)

    class Overtaken:
        """Lets a writer come first."""

        def __getattr__(self, name: str) -> Any:
            return getattr(backend, name)

        async def execute(self, operation: Operation) -> Outcome:
            if isinstance(operation, Reseal):
                await writer.apply("s0", Change(set={"topic": "newer"}, unset=["note"]))
            return await backend.execute(operation)

    reader = under(cast(Backend, Overtaken()), TURNED)
    read = await reader.get("s0")
    assert read is not None
    assert read.topic == STATE["topic"]
    for ring in (TURNED, Keyring.from_text(f"{OLD},{NEW}")):
        found = await under(backend, ring).get("s0")
        assert found is not None
        assert (found.topic, found.metadata) == ("newer", {"u": STATE["u"]})


async def test_a_user_is_found_whatever_came_between(backend: Backend) -> None:
    """A worker that still seals with the old key may tag anew what was put in place meanwhile."""
    ahead, behind = under(backend, TURNED), f"{OLD},{NEW}"
    await ahead.create("s0", user_id="ann", topic="one")

    class Overtaken:
        """Lets a worker with the new key put the session in place first."""

        def __getattr__(self, name: str) -> Any:
            return getattr(backend, name)

        async def execute(self, operation: Operation) -> Outcome:
            if isinstance(operation, Reseal):
                read = await ahead.get("s0")
                assert read is not None
                await ahead.set(read)
            return await backend.execute(operation)

    await under(cast(Backend, Overtaken()), behind).get("s0")
    assert await space(backend).left() == {"old": 1}
    await space(backend).reseal()
    assert await space(backend).left() == {}
    page = await under(backend, NEW).list_active(filter=SessionFilter(user_id="ann"))
    assert [session.session_id for session in page.sessions] == ["s0"]


async def test_a_reader_has_its_answer_though_nothing_can_be_written(backend: Backend) -> None:
    """A store that reads and does not write does not stop it."""
    await filled(backend, 1)

    class ReadOnly:
        def __getattr__(self, name: str) -> Any:
            return getattr(backend, name)

        async def execute(self, operation: Operation) -> Outcome:
            if not isinstance(operation, Read):
                raise StoreUnavailable
            return await backend.execute(operation)

    read = await under(cast(Backend, ReadOnly()), TURNED).get("s0")
    assert read is not None
    assert read.topic == STATE["topic"]


async def test_a_session_that_does_not_open_is_counted_and_left(backend: Backend) -> None:
    """The others are sealed anew; nothing is removed."""
    await filled(backend, 2)
    other = Keyring.generate("other")
    await under(backend, other).create("foreign", topic="theirs")
    done = await space(backend).reseal()
    assert (done.sessions, done.unreadable) == (3, 1)
    assert await space(backend).left() == {"other": 2}
    read = await under(backend, other).get("foreign")
    assert read is not None
    assert read.topic == "theirs"


async def test_a_store_follows_its_file_of_keys(backend: Backend, tmp_path: Path) -> None:
    """What is sealed goes over to the new key in its time; both open, in each process."""
    path = tmp_path / "keys"
    write_key_file(path, [new_entry("first")])
    moment = 1_000.0

    def time() -> float:
        return moment

    writer, reader = (
        under(backend, FollowedKeyring(path, monotonic=time, wall=time)) for _ in range(2)
    )
    keys = FollowedKeyring(path, monotonic=time, wall=time)
    await writer.create("s", topic="one")
    rotate(path, key_id="second", settles=10, now=moment)
    await writer.update("s", topic="two")
    assert await space(backend, keys).count() == {"first": 2}
    moment += 12
    await writer.update("s", topic="three")
    await writer.create("t", topic="four")
    assert (await reader.get_batch(["s", "t"])).keys() == {"s", "t"}
    found = await reader.get("s")
    assert found is not None
    assert found.topic == "three"
    assert await space(backend, keys).count() == {"second": 4}
