"""What changes leave behind in Redis: how long they are known, and that nothing stays for ever."""

import asyncio
from collections.abc import AsyncIterator
from struct import pack
from typing import Any

import pytest

from holdfast.backend import (
    Absent,
    Add,
    Apply,
    Changed,
    Create,
    Created,
    Delete,
    Deleted,
    Drop,
    Dropped,
    Forgotten,
    Found,
    List,
    Listed,
    Purge,
    Purged,
    Read,
    ReadItems,
    Take,
    Touch,
    Where,
)
from holdfast.backends.redis import RedisBackend, parse, reading
from holdfast.backends.redis.users import Users
from holdfast.errors import StoreUnavailable
from holdfast.testing.listing import list_ids
from holdfast.testing.steps import (
    DAY,
    HOUR,
    KEY,
    NAMESPACE,
    OTHER_KEY,
    apply,
    ask,
    change,
    count,
    create,
    creation,
    fresh,
    read,
)
from tests.redis_servers import RedisServer
from tests.tallying import until

SESSION = f"hf:{{0}}:s:{KEY}"
LOG = f"hf:{{0}}:i:{KEY}"
CHANGES = f"hf:{{0}}:o:{KEY}"
OLDER = f"hf:{{0}}:p:{KEY}"
MINUTE_MS = 60_000
ONE = (Add("visits", 1, 1_000_000),)
# How the store is made, and the three keys of the namespace's index.
LASTING = 4


@pytest.fixture
async def backend(redis_server: RedisServer) -> AsyncIterator[RedisBackend]:
    async with RedisBackend(parse(redis_server.url())) as backend:
        yield backend


def numbered(number: int, *, digest: bytes = b"", known: int | None = None) -> Apply:
    """Describe one of many changes; with `known` it may have been sent before."""
    return Apply(
        KEY, f"{number:032x}", remember=True, digest=digest, add=ONE,
        known_revision=known or 0, repeated=known is not None,
    )  # fmt: skip


class TestRemembering:
    async def test_a_long_session_remembers_its_last_changes(self, backend: RedisBackend) -> None:
        """However many there were: 256 at least, and not twice as many."""
        await create(backend)
        answers = await asyncio.gather(*(ask(backend, numbered(n), Changed) for n in range(1_000)))
        for number in range(1_000 - 256, 1_000):
            again = await ask(backend, numbered(number, known=1), Changed)
            assert again == answers[number]._replace(replayed=True)
        assert (await read(backend)).integers == {"visits": 1_000}

    async def test_a_change_from_before_what_is_remembered_is_forgotten(
        self, backend: RedisBackend
    ) -> None:
        """It may have been applied; one that was sent since has not been."""
        await create(backend)
        await asyncio.gather(*(backend.execute(numbered(n)) for n in range(1_000)))
        await ask(backend, numbered(0, known=1), Forgotten)
        await ask(backend, numbered(5_000, known=300), Forgotten)
        assert (await read(backend)).integers == {"visits": 1_000}
        fresh_one = await ask(backend, numbered(5_000, known=1_000), Changed)
        assert (fresh_one.replayed, fresh_one.revision) == (False, 1_002)

    async def test_a_repetition_is_looked_for_though_its_id_was_made_for_it(
        self, backend: RedisBackend
    ) -> None:
        """Only the first send of such a change can be known to nobody."""
        await create(backend)
        first = numbered(1)._replace(minted=True)
        answer = await ask(backend, first, Changed)
        again = await ask(backend, first._replace(repeated=True, known_revision=1), Changed)
        assert again == answer._replace(replayed=True)
        assert (await read(backend)).integers == {"visits": 1}

    async def test_a_change_is_not_forgotten_where_everything_is_remembered(
        self, backend: RedisBackend
    ) -> None:
        await create(backend)
        for number in range(5):
            answer = await ask(backend, numbered(number, known=0), Changed)
            assert answer.replayed is False

    async def test_what_no_caller_named_is_remembered_for_minutes(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        """A retry comes within seconds; an idle session does not pay for it."""
        await create(backend)
        await ask(backend, numbered(0), Changed)
        assert 2 * MINUTE_MS < redis_server.ask("PTTL", CHANGES) <= 3 * MINUTE_MS

    async def test_every_change_that_no_caller_named_is_remembered_for_two_minutes(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        """However much is left of the time of those before it."""
        await create(backend)
        for number, left in enumerate((61_000, 119_000, 121_000, 170_000)):
            await ask(backend, numbered(2 * number), Changed)
            end = (await read(backend)).updated // 1000 + left
            redis_server.ask("HSET", CHANGES, "", pack("<qqq", 0, end, -1))
            redis_server.ask("PEXPIREAT", CHANGES, end)
            await ask(backend, numbered(2 * number + 1), Changed)
            assert redis_server.ask("PTTL", CHANGES) > 1.99 * MINUTE_MS

    @pytest.mark.parametrize("age", [125, 150, 185, 235])
    async def test_what_a_caller_named_is_known_to_the_end_of_a_short_session(
        self, age: int, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        """Also where what is remembered already would have ended shortly before."""
        await create(backend, ttl=age * 1_000_000, max_age=age * 1_000_000)
        await ask(backend, numbered(0), Changed)
        await ask(backend, numbered(1, digest=b"own"), Changed)
        ends = [redis_server.ask("PEXPIRETIME", key) for key in (SESSION, CHANGES)]
        assert ends[0] <= ends[1]

    async def test_what_a_caller_named_is_remembered_as_long_as_the_session_lives(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        """Also when others come after it, and when it has become the older part."""
        await create(backend)
        first = await ask(backend, numbered(0, digest=b"own"), Changed)
        await asyncio.gather(*(backend.execute(numbered(n)) for n in range(1, 400)))
        for key in (CHANGES, OLDER):
            assert redis_server.ask("PTTL", key) > (DAY - HOUR) / 1000
        again = await ask(backend, numbered(0, digest=b"own"), Changed)
        assert again == first._replace(replayed=True)

    async def test_a_session_whose_memory_has_ended_does_not_guess(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        await create(backend)
        await ask(backend, numbered(0), Changed)
        redis_server.ask("DEL", CHANGES)
        await ask(backend, numbered(0, known=1), Forgotten)
        assert (await ask(backend, numbered(1, known=2), Changed)).revision == 3


class TestEnding:
    async def test_every_key_of_a_session_ends(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        """Only the index and the mark of the store stay; they know what has to be collected."""
        await create(backend, user_tag=b"ann")
        await apply(backend, remember=True, digest=b"own", append=(b"item",), slide=True)
        await ask(backend, Delete(f"{NAMESPACE}/absent", change_id="d"), Deleted)
        await backend.execute(Take("limit", HOUR, 3))
        keys = redis_server.ask("KEYS", "*")
        lasting = {key for key in keys if redis_server.ask("PTTL", key) == -1}
        assert len(lasting) == LASTING
        assert all(redis_server.ask("PTTL", key) <= 1.01 * DAY / 1000 for key in keys)

    async def test_a_deleted_session_leaves_nothing(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        """Its place in the indices included, its user's too."""
        before = set(redis_server.ask("KEYS", "*"))
        await create(backend, user_tag=b"ann")
        await apply(backend, remember=True, append=(b"item",))
        await ask(backend, Delete(KEY), Deleted)
        assert set(redis_server.ask("KEYS", "*")) == before

    async def test_an_expired_session_leaves_nothing_once_it_is_collected(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        """Each is collected by one of those who collect at the same time."""
        before = set(redis_server.ask("KEYS", "*"))
        for number in range(50):
            await create(backend, f"{NAMESPACE}/{number}", ttl=1_000)
            await backend.execute(Apply(f"{NAMESPACE}/{number}", fresh(), append=(b"item",)))
        collected: list[str] = []
        while await count(backend) or len(collected) < 50:
            answers = await asyncio.gather(*(backend.execute(Purge(NAMESPACE, 7)) for _ in "abc"))
            collected += [name for each in answers if isinstance(each, Purged) for name in each[0]]
        assert sorted(collected, key=int) == [str(number) for number in range(50)]
        assert set(redis_server.ask("KEYS", "*")) == before

    async def test_a_user_s_index_forgets_what_is_too_old_to_live(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        """Sessions that expired, and were never listed, do not pile up in it."""
        age = 40_000
        for number in range(30):
            name = f"{NAMESPACE}/{number}"
            await create(backend, name, ttl=age, max_age=age, user_tag=b"ann")
            await asyncio.sleep(0.004)
        [index] = redis_server.ask("KEYS", "hf:{0}:u:*")
        # Those of the last 40 ms, and how old one may get.
        assert 2 <= redis_server.ask("ZCARD", index) <= 12

    async def test_a_deletion_sent_again_ends_no_session_that_came_since(
        self, backend: RedisBackend
    ) -> None:
        """It is answered like the first."""
        await create(backend)
        asked = Delete(KEY, change_id=fresh())
        assert await ask(backend, asked, Deleted) == Deleted(True)
        await ask(backend, creation(), Created)
        assert await ask(backend, asked, Deleted) == Deleted(True)
        await ask(backend, Read(KEY), Found)

    async def test_deleting_what_is_not_there_writes_nothing(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        """Deletions pass where memory is full; this one makes no room."""
        before = set(redis_server.ask("KEYS", "*"))
        assert await ask(backend, Delete(KEY, change_id=fresh()), Deleted) == Deleted(False)
        assert set(redis_server.ask("KEYS", "*")) == before

    async def test_a_deletion_stands_though_its_user_s_index_was_not_reached(
        self, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The index may name more than there is; what was answered is not taken back."""
        remove = Users.remove

        async def fail(users: Users, *named: Any) -> None:
            own_redis.kill()
            await remove(users, *named)

        monkeypatch.setattr(Users, "remove", fail)
        async with RedisBackend(parse(own_redis.url())) as backend:
            await create(backend, user_tag=b"ann")
            deletion = Delete(KEY, change_id=fresh())
            assert await ask(backend, deletion, Deleted) == Deleted(True)


class TestListing:
    async def test_the_sessions_of_a_user_are_listed_by_creation_and_id(
        self, backend: RedisBackend
    ) -> None:
        """A page may end between two that were created in one millisecond."""
        keys = [f"{NAMESPACE}/s{number * 7 % 30:02}" for number in range(30)]
        made = await asyncio.gather(*(create(backend, key, user_tag=b"ann") for key in keys))
        moments = [record.created for record in made]
        assert len(set(moments)) < len(moments)
        expected = [key.partition("/")[2] for _, key in sorted(zip(moments, keys, strict=True))]
        for limit in (1, 3, 7, 30):
            assert await list_ids(backend, limit, Where(user_tags=(b"ann",))) == expected


class TestMoving:
    async def test_a_deadline_moves_a_thousandth_of_the_idle_time_at_least(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        """And a second at most: moving it takes long, and tells every cache."""
        redis_server.ask("CONFIG", "RESETSTAT")
        first = await create(backend, ttl=HOUR)
        for _ in range(20):
            await apply(backend, slide=True)
            await ask(backend, Touch(KEY, slide=True), Found)
            await ask(backend, Drop(KEY, slide=True), Dropped)
        assert (await read(backend)).base == first.base
        assert (await read(backend)).revision == 41
        assert redis_server.ask("HGET", f"hf:{{0}}:t:{NAMESPACE}", "") == b"1"

    async def test_activity_is_recorded_once_in_a_while(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        """Where it moves no deadline too: each time every cache would have to be told."""
        await create(backend, ttl=HOUR)
        redis_server.ask("CONFIG", "RESETSTAT")
        for _ in range(20):
            await ask(backend, Touch(KEY), Found)
        assert "cmdstat_hset" not in redis_server.info("commandstats")
        short = await create(backend, OTHER_KEY, ttl=MINUTE_MS * 1000)
        await asyncio.sleep(0.065)
        touched = (await ask(backend, Touch(OTHER_KEY), Found)).record
        assert touched.active > short.active
        assert touched.base == short.base

    async def test_a_new_idle_time_moves_it_at_once(self, backend: RedisBackend) -> None:
        await create(backend, ttl=HOUR)
        await asyncio.sleep(0.005)
        longer = (await ask(backend, Touch(KEY, ttl=2 * HOUR), Found)).record
        assert (longer.base, longer.ttl) == (longer.active, 2 * HOUR)


class TestBounds:
    async def test_nothing_looks_at_all_keys(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        """No operation scans, however many sessions there are."""
        redis_server.ask("CONFIG", "RESETSTAT")
        await create(backend, user_tag=b"ann")
        await apply(backend, append=(b"item",), remember=True)
        await ask(backend, List(NAMESPACE, 10, None, Where(user_tags=(b"ann",))), Listed)
        await ask(backend, List(NAMESPACE, 10), Listed)
        await count(backend)
        await backend.execute(Purge(NAMESPACE, 10))
        await backend.execute(ReadItems(KEY, 0, 10))
        await ask(backend, Delete(KEY), Deleted)
        used = set(redis_server.ask("INFO", "commandstats"))
        assert {"cmdstat_evalsha", "cmdstat_hgetall"} <= used
        assert not used & {"cmdstat_scan", "cmdstat_keys", "cmdstat_hscan", "cmdstat_zscan"}

    async def test_the_replies_that_are_kept_are_those_read_last(
        self, backend: RedisBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A session that is read all the time is taken apart once."""
        monkeypatch.setattr(reading, "REPLIES_KEPT", 3)
        await create(backend)
        first = await ask(backend, Read(KEY), Found)
        for number in range(10):
            await create(backend, f"{NAMESPACE}/{number}")
            await ask(backend, Read(f"{NAMESPACE}/{number}"), Found)
            assert await ask(backend, Read(KEY), Found) is first
        others = await ask(backend, Read(f"{NAMESPACE}/0"), Found)
        assert await ask(backend, Read(f"{NAMESPACE}/0"), Found) is others

    async def test_a_change_may_write_more_values_than_one_command_takes(
        self, backend: RedisBackend
    ) -> None:
        """Set, unset and replaced by the thousand, whole each time."""
        values = {b"tag%d" % place: b"v%d" % place for place in range(9_000)}
        await create(backend, values=values)
        assert (await read(backend)).values == values
        await apply(backend, unset=tuple(values), set={b"a": b"1"})
        assert (await read(backend)).values == {b"a": b"1"}
        await apply(backend, replace=True, user_tags=(b"",), set=values)
        assert (await read(backend)).values == values

    async def test_without_memory_changes_are_refused_and_deletions_are_not(
        self, own_redis: RedisServer
    ) -> None:
        """A refused change was not applied; reading goes on, and room can be made."""
        async with RedisBackend(parse(own_redis.url())) as backend:
            await create(backend, values={b"a": b"1"})
            await create(backend, f"{NAMESPACE}/full", values={b"a": b"x" * 5_000_000})
            # What the large session came through is not kept.
            await until(lambda: own_redis.info("memory")["used_memory"] < 8_000_000)
            own_redis.ask("CONFIG", "SET", "maxmemory", 4_000_000)
            for operation in (change(), creation(f"{NAMESPACE}/new"), Touch(KEY), Drop(KEY)):
                with pytest.raises(StoreUnavailable) as caught:
                    await backend.execute(operation)
                assert caught.value.outcome == "not_applied"
            assert (await read(backend)).revision == 1
            await ask(backend, Delete(f"{NAMESPACE}/full"), Deleted)
            await apply(backend, set={b"a": b"2"})
            await ask(backend, Read(f"{NAMESPACE}/new"), Absent)

    async def test_a_session_is_not_made_of_nothing(
        self, backend: RedisBackend, redis_server: RedisServer
    ) -> None:
        """A late change finds no session, and leaves no key."""
        before = set(redis_server.ask("KEYS", "*"))
        for operation in (change(append=(b"item",), remember=True), Touch(KEY), Drop(KEY)):
            await ask(backend, operation, Absent)
        assert set(redis_server.ask("KEYS", "*")) == before
        made = Create(KEY, "i", HOUR, DAY, b"", {}, {})
        await ask(backend, made, Created)
