"""Creating, reading and deleting: what exists, what does not, and what never comes back."""

import pytest

from holdfast.backend import (
    Absent,
    Acquire,
    Add,
    Apply,
    Backend,
    Changed,
    Conflict,
    Created,
    Delete,
    Deleted,
    Drop,
    Existing,
    Granted,
    KeepDraft,
    Operation,
    Purge,
    Purged,
    ReadDraft,
    ReadItems,
    Release,
    Released,
    Renew,
    Reseal,
    Swap,
    Touch,
)
from holdfast.testing.steps import (
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
    expect,
    fresh,
    is_absent,
    numbers,
    read,
    untouched,
)

GONE = "gone"
ODD_IDS = ("a", "A", "ab", "a:", "o'brien", '"; --', "*", "[a]", "~", "!", "x" * 255, "a_b", "a.b")


def writes(key: str = KEY) -> list[Operation]:
    """List one of every operation that writes to a session which has to exist."""
    return [
        Apply(key, fresh(), set={b"tag": b"late"}),
        Apply(key, fresh(), slide=True, add=(Add("visits", 1, 10),), append=(b"late",)),
        Apply(key, fresh(), replace=True, set={b"tag": b"late"}, ttl=HOUR),
        Apply(key, fresh(), lease_token=GONE, expect_revision=1),
        Touch(key),
        Touch(key, slide=True),
        Touch(key, ttl=HOUR),
        Drop(key),
        Drop(key, everything=True),
        Acquire(key, "token", HOUR),
        Acquire(key, "token", HOUR, steal=True),
        Renew(key, "token", HOUR),
        ReadItems(key, 0, 10),
        KeepDraft(key, b"late"),
        KeepDraft(key, b"late", GONE),
        ReadDraft(key),
        Reseal(key, (Swap(b"tag", b"value", b"tag", b"late"),), draft=(b"old", b"late")),
    ]


async def assert_gone(backend: Backend, key: str = KEY) -> None:
    """Hold that every operation says so, and that none brings the session back."""
    for operation in writes(key):
        await expect(backend, operation, Absent())
    await expect(backend, Release(key, "token"), Released(False))
    await expect(backend, Delete(key, "any", 7), Deleted(False))
    assert await is_absent(backend, key)


class Creating:
    """Sessions come into being by `Create` alone, once, and end with everything they had."""

    async def test_a_new_session_reads_as_it_was_answered(self, backend: Backend) -> None:
        """What `Create` answers is what is there: revision 1, an empty log, times that agree."""
        asked = creation(user_tag=b"u", integers={"visits": 3, "up": 1}, values={b"t": b"v"})
        record = (await ask(backend, asked, Created)).record
        assert await read(backend) == record
        assert (record.incarnation, record.revision) == (asked.incarnation, 1)
        assert (record.user_tag, record.integers, record.values) == asked[4:7]
        assert (record.length, record.last_item) == (0, 0)
        assert record.created == record.updated == record.active == record.base
        assert (record.ttl, record.cap) == (asked.ttl, record.created + asked.max_age)

    async def test_values_are_kept_byte_for_byte(self, backend: Backend) -> None:
        """Tags, values and the user's tag may hold any bytes, none at all included."""
        values = {bytes(range(256)): b"", b"\x00": bytes(range(256)), b"\xff\x00": b"\x00" * 64}
        await create(backend, values=values, user_tag=b"\x00\xff'")
        record = await read(backend)
        assert dict(record.values) == values
        assert record.user_tag == b"\x00\xff'"

    async def test_an_unknown_session_is_absent(self, backend: Backend) -> None:
        """What was never created is absent to every operation, and stays so."""
        await assert_gone(backend)
        assert await count(backend) == 0

    async def test_an_id_that_is_taken_is_not_given_again(self, backend: Backend) -> None:
        """A second creation is answered with the session that has the id, and changes nothing."""
        first = await create(backend, values={b"t": b"first"})
        async with untouched(backend):
            taken = await ask(backend, creation(values={b"t": b"second"}), Existing)
        assert taken.record == first

    async def test_a_repeated_create_is_answered_like_the_first(self, backend: Backend) -> None:
        """Also when it has changed since: the same incarnation is no second session."""
        asked = creation(values={b"t": b"first"}, integers={"visits": 0})
        first = await ask(backend, asked, Created)
        assert await ask(backend, asked, Created) == first
        await apply(backend, set={b"t": b"later"}, add=(Add("visits", 1, 10),), append=(b"i",))
        async with untouched(backend):
            assert await ask(backend, asked, Created) == first

    async def test_a_repeated_create_brings_nothing_back(self, backend: Backend) -> None:
        """Where answers can be lost: what it created has been deleted, and it is answered again."""
        if not backend.answers_can_be_lost:
            pytest.skip("nobody repeats a creation here")
        asked = creation(values={b"t": b"first"})
        first = await ask(backend, asked, Created)
        await ask(backend, Delete(KEY, change_id=fresh()), Deleted)
        assert await ask(backend, asked, Created) == first
        assert await is_absent(backend)
        await create(backend)
        async with untouched(backend):
            assert await ask(backend, asked, Created) == first

    async def test_an_id_created_again_has_nothing_of_the_old_session(
        self, backend: Backend
    ) -> None:
        """Values, integers, log, lease and remembered changes end with the session."""
        old = await create(backend, values={b"t": b"old"}, integers={"visits": 9}, user_tag=b"u")
        again = change(change_id="c", remember=True, append=(b"item",), add=(Add("n", 1, 5),))
        await ask(backend, again, Changed)
        await ask(backend, Acquire(KEY, "old holder", HOUR), Granted)
        await ask(backend, Delete(KEY), Deleted)
        new = await create(backend)
        assert new.incarnation != old.incarnation
        assert (new.revision, new.user_tag, new.values, new.integers) == (1, b"", {}, {})
        assert await numbers(backend) == []
        await ask(backend, Acquire(KEY, "new holder", HOUR), Granted)
        assert (await ask(backend, again, Changed)).replayed is False
        assert await numbers(backend) == [1]

    async def test_similar_ids_name_different_sessions(self, backend: Backend) -> None:
        """An id means its exact characters: no case folding, no patterns, no prefixes."""
        keys = [f"{NAMESPACE}/{session_id}" for session_id in ODD_IDS]
        made = [await create(backend, key, values={b"t": key.encode()}) for key in keys]
        assert [await read(backend, key) for key in keys] == made
        assert await count(backend) == len(keys)
        await ask(backend, Delete(keys[0]), Deleted)
        assert [await read(backend, key) for key in keys[1:]] == made[1:]

    async def test_namespaces_share_nothing(self, backend: Backend) -> None:
        """One id in two namespaces is two sessions: states, leases, counts and purges apart."""
        mine = await create(backend, "mine/alpha", values={b"t": b"mine"})
        await create(backend, "theirs/alpha", values={b"t": b"theirs"})
        await apply(backend, "theirs/alpha", change_id="c", remember=True, append=(b"item",))
        await ask(backend, Acquire("theirs/alpha", "token", HOUR), Granted)
        assert await read(backend, "mine/alpha") == mine
        assert await numbers(backend, "mine/alpha") == []
        assert (await apply(backend, "mine/alpha", change_id="c", remember=True)).replayed is False
        await ask(backend, Acquire("mine/alpha", "another", HOUR), Granted)
        await ask(backend, Delete("theirs/alpha"), Deleted)
        assert [await count(backend, name) for name in ("mine", "theirs", "mi", "")] == [1, 0, 0, 0]


class Deleting:
    """A deleted session is gone for good."""

    async def test_a_deleted_session_is_absent_to_every_operation(self, backend: Backend) -> None:
        """No late write brings it back, and the count no longer has it."""
        await create(backend)
        await create(backend, OTHER_KEY)
        await apply(backend, append=(b"item",))
        await expect(backend, Delete(KEY), Deleted(True))
        await assert_gone(backend)
        assert await count(backend) == 1

    async def test_deleting_twice_says_so(self, backend: Backend) -> None:
        """Only the first of two deletions found a session."""
        await create(backend)
        answers = [await ask(backend, Delete(KEY), Deleted) for _ in range(2)]
        assert answers == [Deleted(True), Deleted(False)]

    async def test_a_replay_after_deletion_finds_no_session(self, backend: Backend) -> None:
        """A remembered change is not answered from a session that has ended."""
        await create(backend)
        again = change(change_id="c", remember=True, append=(b"item",))
        await backend.execute(again)
        await ask(backend, Delete(KEY), Deleted)
        await expect(backend, again, Absent())
        assert await is_absent(backend)

    async def test_a_repeated_deletion_ends_no_later_session(self, backend: Backend) -> None:
        """Where answers can be lost it is answered like the first; a new session lives on."""
        if not backend.answers_can_be_lost:
            pytest.skip("nobody repeats a deletion here")
        await create(backend)
        deletion = Delete(KEY, change_id=fresh())
        for _ in range(3):
            await expect(backend, deletion, Deleted(True))
        record = await create(backend)
        await expect(backend, deletion, Deleted(True))
        assert (await read(backend)).incarnation == record.incarnation
        await expect(backend, Delete(KEY, change_id=fresh()), Deleted(True))
        assert await is_absent(backend)

    async def test_a_deletion_keeps_its_conditions(self, backend: Backend) -> None:
        """Another revision or incarnation than expected is not deleted."""
        record = await create(backend)
        await apply(backend)
        async with untouched(backend):
            await expect(backend, Delete(KEY, None, 1), Conflict(2))
            await expect(backend, Delete(KEY, "another", 2), Conflict(2))
            await expect(backend, Delete(KEY, "another"), Conflict(2))
        kept = await ask(backend, Delete(KEY, record.incarnation, 2), Deleted)
        assert kept == Deleted(True)
        assert await is_absent(backend)

    async def test_a_new_session_is_not_deleted_for_the_old_one(self, backend: Backend) -> None:
        """Whoever knows the old incarnation cannot end the session that took its id."""
        old = await create(backend)
        await ask(backend, Delete(KEY), Deleted)
        await create(backend)
        await ask(backend, Delete(KEY, old.incarnation, 1), Conflict)
        assert (await read(backend)).revision == 1

    async def test_creating_and_deleting_leaves_nothing_behind(self, backend: Backend) -> None:
        """A hundred short lives end with no session, no page and nothing to collect."""
        for _ in range(100):
            await create(backend)
            await apply(backend, append=(b"item",))
            await expect(backend, Delete(KEY), Deleted(True))
        assert await count(backend) == 0
        await expect(backend, Purge(NAMESPACE, 100), Purged(()))
        assert await is_absent(backend)
