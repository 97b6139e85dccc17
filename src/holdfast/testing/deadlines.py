"""Deadlines: a session lives exactly as long as it was told to, and is then absent to everybody."""

from holdfast.backend import (
    Absent,
    Acquire,
    Add,
    Backend,
    Created,
    Delete,
    Deleted,
    Drop,
    Found,
    Granted,
    List,
    Listed,
    Purge,
    Purged,
    Touch,
)
from holdfast.testing.creating import assert_gone, writes
from holdfast.testing.steps import (
    HOUR,
    KEY,
    NAMESPACE,
    OTHER_KEY,
    Advance,
    apply,
    ask,
    count,
    create,
    creation,
    expect,
    is_absent,
    numbers,
    read,
)


async def purge(backend: Backend, limit: int = 100, namespace: str = NAMESPACE) -> set[str]:
    """Collect expired sessions and say which they were."""
    return set((await ask(backend, Purge(namespace, limit), Purged)).session_ids)


class Expiring:
    """`second` is how many microseconds one second of these tests lasts."""

    second: int

    async def test_a_session_lives_until_its_deadline(
        self, backend: Backend, advance: Advance
    ) -> None:
        """It is there shortly before, and absent shortly after."""
        await create(backend, ttl=10 * self.second)
        await advance(8)
        assert (await read(backend)).expires == (await read(backend)).created + 10 * self.second
        await advance(3)
        assert await is_absent(backend)

    async def test_a_deadline_is_not_rounded(self, backend: Backend, advance: Advance) -> None:
        """One and a half seconds are neither one nor two."""
        record = await create(backend, ttl=3 * self.second // 2, max_age=HOUR + 1)
        assert (record.ttl, record.cap - record.created) == (3 * self.second // 2, HOUR + 1)
        await advance(1.2)
        assert await read(backend) == record
        await advance(0.5)
        assert await is_absent(backend)

    async def test_an_expired_session_is_absent_to_every_operation(
        self, backend: Backend, advance: Advance
    ) -> None:
        """At once, collected or not; no write revives it, no list and no count has it."""
        await create(backend, ttl=5 * self.second, user_tag=b"u")
        await create(backend, OTHER_KEY)
        await apply(backend, append=(b"item",), change_id="c", remember=True)
        await ask(backend, Acquire(KEY, "token", HOUR), Granted)
        await advance(6)
        assert await count(backend) == 1
        listed = await ask(backend, List(NAMESPACE, 10), Listed)
        assert [session_id for session_id, _ in listed.sessions] == ["beta"]
        await assert_gone(backend)
        assert await count(backend) == 1

    async def test_each_kind_of_write_meets_an_expired_session_first(
        self, backend: Backend, advance: Advance
    ) -> None:
        """None of them revives a session that nobody has looked at since it expired."""
        keys = [f"{NAMESPACE}/{place}" for place in range(len(writes()))]
        for key in keys:
            await create(backend, key, ttl=5 * self.second)
        await advance(6)
        for place, key in enumerate(keys):
            await expect(backend, writes(key)[place], Absent())
        assert [await is_absent(backend, key) for key in keys] == [True] * len(keys)
        assert await count(backend) == 0

    async def test_an_expired_session_is_not_there_to_be_deleted(
        self, backend: Backend, advance: Advance
    ) -> None:
        """Deleting it says that there was none, whatever was expected of it."""
        record = await create(backend, ttl=5 * self.second)
        await advance(6)
        answer = await ask(backend, Delete(KEY, record.incarnation, 1), Deleted)
        assert answer == Deleted(False)

    async def test_an_expired_id_can_be_created_anew(
        self, backend: Backend, advance: Advance
    ) -> None:
        """The new session has nothing of the old one, and its own deadline."""
        old = await create(backend, ttl=5 * self.second, values={b"a": b"old"})
        await apply(backend, append=(b"item",), add=(Add("visits", 1, 9),))
        await ask(backend, Acquire(KEY, "old", HOUR), Granted)
        await advance(6)
        new = await create(backend)
        assert new.incarnation != old.incarnation
        assert (new.values, new.integers, new.revision) == ({}, {}, 1)
        assert await numbers(backend) == []
        await ask(backend, Acquire(KEY, "new", HOUR), Granted)
        assert await purge(backend) <= {"alpha"}
        assert await read(backend) == new

    async def test_a_late_repeat_of_a_creation_makes_a_session_of_its_own_time(
        self, backend: Backend, advance: Advance
    ) -> None:
        """After expiry even the same incarnation begins anew, with a deadline from now."""
        asked = creation(ttl=5 * self.second)
        first = (await ask(backend, asked, Created)).record
        await apply(backend, append=(b"item",))
        await advance(6)
        again = (await ask(backend, asked, Created)).record
        assert (again.revision, again.length) == (1, 0)
        assert again.base == again.created >= first.expires

    async def test_changes_do_not_move_the_deadline(
        self, backend: Backend, advance: Advance
    ) -> None:
        """Forty updates of a session of 60 seconds cost it no more than the time they took."""
        record = await create(backend, ttl=60 * self.second)
        for number in range(40):
            await advance(1)
            await apply(backend, set={b"a": bytes([number])}, append=(b"item",))
        after = await read(backend)
        assert (after.expires, after.cap) == (record.expires, record.cap)
        await advance(25)
        assert await is_absent(backend)


class Sliding:
    """What moves a deadline, and what never does."""

    second: int

    async def test_sliding_starts_the_idle_time_again(
        self, backend: Backend, advance: Advance
    ) -> None:
        """A change, a touch and a drop that slide each count from now, without drift."""
        await create(backend, ttl=10 * self.second)
        for number in range(15):
            await advance(4)
            if number % 3 == 0:
                await apply(backend, slide=True, append=(b"item",))
            else:
                await backend.execute((Touch(KEY, slide=True), Drop(KEY, slide=True))[number % 2])
            record = await read(backend)
            assert (record.base, record.ttl) == (record.active, 10 * self.second)
            assert record.expires == record.active + 10 * self.second
        await advance(11)
        assert await is_absent(backend)

    async def test_a_touch_records_activity_and_nothing_else(
        self, backend: Backend, advance: Advance
    ) -> None:
        """Never a value, never the revision; without `slide` not even the deadline."""
        before = await create(
            backend, ttl=60 * self.second, values={b"a": b"1"}, integers={"visits": 1}
        )
        await advance(2)
        touched = await ask(backend, Touch(KEY), Found)
        assert touched.record == before._replace(active=touched.record.active)
        assert touched.record.active >= before.active + 2 * self.second
        assert await read(backend) == touched.record

    async def test_an_extension_gives_a_new_idle_time_from_now(
        self, backend: Backend, advance: Advance
    ) -> None:
        """It may be longer or shorter than the old one, and stays for later slides."""
        await create(backend, ttl=10 * self.second)
        await advance(5)
        longer = (await ask(backend, Touch(KEY, ttl=60 * self.second), Found)).record
        assert (longer.base, longer.ttl) == (longer.active, 60 * self.second)
        await advance(30)
        slid = (await ask(backend, Touch(KEY, slide=True), Found)).record
        assert slid.expires == slid.active + 60 * self.second
        await ask(backend, Touch(KEY, ttl=3 * self.second), Found)
        await advance(4)
        assert await is_absent(backend)

    async def test_nothing_passes_the_greatest_age(
        self, backend: Backend, advance: Advance
    ) -> None:
        """However often it slides or is extended, a session ends at its cap."""
        record = await create(backend, ttl=10 * self.second, max_age=20 * self.second)
        for _ in range(4):
            await advance(4)
            await apply(backend, slide=True)
            await ask(backend, Touch(KEY, ttl=HOUR), Found)
        after = await read(backend)
        assert after.expires == after.cap == record.cap == record.created + 20 * self.second
        await advance(5)
        assert await is_absent(backend)

    async def test_an_idle_time_longer_than_the_age_ends_at_the_cap(
        self, backend: Backend, advance: Advance
    ) -> None:
        """The cap binds from the beginning."""
        record = await create(backend, ttl=HOUR, max_age=5 * self.second)
        assert record.expires == record.created + 5 * self.second
        await advance(6)
        assert await is_absent(backend)
        assert await count(backend) == 0


class Purging:
    """Collecting what has expired changes nothing that anybody could see."""

    second: int

    async def test_purging_is_bounded_and_takes_the_oldest_first(
        self, backend: Backend, advance: Advance
    ) -> None:
        """Not more than asked for, in the order of the deadlines as they are now."""
        for place, seconds in enumerate((4, 3, 2, 1, 100)):
            await create(backend, f"{NAMESPACE}/{place}", ttl=seconds * self.second)
        await ask(backend, Touch(f"{NAMESPACE}/3", ttl=10 * self.second), Found)
        await advance(12)
        assert [await purge(backend, 2) for _ in range(3)] == [{"2", "1"}, {"0", "3"}, set()]
        assert await count(backend) == 1

    async def test_purging_takes_no_live_session(self, backend: Backend, advance: Advance) -> None:
        """One whose deadline has moved lives on past the first one."""
        await create(backend, ttl=5 * self.second)
        await create(backend, OTHER_KEY, ttl=5 * self.second)
        await advance(4)
        await ask(backend, Touch(KEY, slide=True), Found)
        await advance(3)
        assert await purge(backend) == {"beta"}
        assert (await read(backend)).revision == 1
        assert await purge(backend) == set()

    async def test_purging_keeps_to_its_namespace(self, backend: Backend, advance: Advance) -> None:
        """Expired sessions of another namespace are left to be collected there."""
        await create(backend, "mine/alpha", ttl=self.second)
        await create(backend, "theirs/alpha", ttl=self.second)
        await advance(2)
        assert await purge(backend, namespace="theirs") == {"alpha"}
        assert await purge(backend, namespace="mine") == {"alpha"}

    async def test_the_count_is_exact(self, backend: Backend, advance: Advance) -> None:
        """Sessions leave the count when they expire, whether or not they have been collected."""
        for place in range(10):
            await create(backend, f"{NAMESPACE}/{place}", ttl=(place + 1) * 8 * self.second)
        counted: list[int] = []
        for _ in range(4):
            await advance(20)
            counted.append(await count(backend))
        await purge(backend)
        assert counted == [8, 5, 3, 0]
        assert await count(backend) == 0
