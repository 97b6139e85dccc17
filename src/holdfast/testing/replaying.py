"""Change ids: a retried change is applied once and answered as it was the first time."""

import asyncio
from typing import Final

import pytest

from holdfast.backend import (
    Absent,
    Add,
    Apply,
    Backend,
    Changed,
    ChangeIdReused,
    Delete,
    Deleted,
    Forgotten,
    OverLimit,
)
from holdfast.testing.steps import (
    KEY,
    OTHER_KEY,
    Advance,
    apply,
    ask,
    change,
    create,
    expect,
    fresh,
    numbers,
    read,
    untouched,
)

REMEMBERED: Final = 256
# How many later changes a session surely does not look back over.
MANY: Final = 4 * REMEMBERED


def once(change_id: str = "c", digest: bytes = b"d", key: str = KEY) -> Apply:
    """Describe a change whose second application would be seen everywhere."""
    return change(
        key, change_id=change_id, remember=True, digest=digest, set={b"a": b"1"},
        add=(Add("visits", 1, 10_000),), append=(b"one", b"two"),
    )  # fmt: skip


class Replaying:
    """A session remembers its last changes for as long as it lives."""

    async def test_a_change_sent_twice_is_applied_once(self, backend: Backend) -> None:
        """The second answer is the first one, marked as replayed."""
        await create(backend)
        first = await ask(backend, once(), Changed)
        async with untouched(backend):
            await expect(backend, once(), first._replace(replayed=True))
        assert (await read(backend)).integers == {"visits": 1}
        assert await numbers(backend) == [1, 2]

    async def test_a_replay_gives_the_first_answer_after_later_changes(
        self, backend: Backend
    ) -> None:
        """Revision, integers and item numbers are those of then, not of now."""
        await create(backend)
        first = await ask(backend, once(), Changed)
        await ask(backend, once("another"), Changed)
        await apply(backend, put={"visits": 77})
        async with untouched(backend):
            await expect(backend, once(), first._replace(replayed=True))

    async def test_an_id_with_another_content_is_refused(self, backend: Backend) -> None:
        """Two different changes under one id are a mistake of the caller's, and said to be one."""
        await create(backend)
        await ask(backend, once(), Changed)
        async with untouched(backend):
            await expect(backend, once(digest=b"another"), ChangeIdReused())

    async def test_the_last_256_changes_are_remembered(self, backend: Backend) -> None:
        """The oldest of 256 is still answered as the first time."""
        await create(backend)
        first = await ask(backend, once("0"), Changed)
        for number in range(1, REMEMBERED):
            await ask(backend, once(str(number)), Changed)
        async with untouched(backend):
            await expect(backend, once("0"), first._replace(replayed=True))

    async def test_a_refused_change_is_not_remembered(self, backend: Backend) -> None:
        """The same id is applied once the reason for the refusal is gone."""
        await create(backend, integers={"visits": 10_000})
        await ask(backend, once(), OverLimit)
        await apply(backend, put={"visits": 0})
        answer = await ask(backend, once(), Changed)
        assert (answer.replayed, answer.integers) == (False, {"visits": 1})

    async def test_a_change_id_belongs_to_one_session(self, backend: Backend) -> None:
        """The same id on another session is another change."""
        await create(backend)
        await create(backend, OTHER_KEY)
        await ask(backend, once(), Changed)
        answer = await ask(backend, once(key=OTHER_KEY), Changed)
        assert answer.replayed is False
        assert await numbers(backend, OTHER_KEY) == [1, 2]

    async def test_remembered_changes_end_with_the_session(self, backend: Backend) -> None:
        """A replay after deletion is absent, and on a new session it is a new change."""
        await create(backend)
        await ask(backend, once(), Changed)
        await ask(backend, Delete(KEY), Deleted)
        await expect(backend, once(), Absent())
        await create(backend)
        answer = await ask(backend, once(), Changed)
        assert (answer.replayed, answer.revision) == (False, 2)


async def pass_by(backend: Backend, changes: int) -> int:
    """Let a session remember many other changes; give the revision that it is at then."""
    made = (ask(backend, once(f"other {number}"), Changed) for number in range(changes))
    return max(answer.revision for answer in await asyncio.gather(*made))


class Repeating:
    """A repetition is applied only where the session would know the change if it had seen it."""

    second: int

    async def test_a_repetition_of_what_never_arrived_is_applied(self, backend: Backend) -> None:
        """By whoever knew the session before, and by whoever had never seen it."""
        await create(backend)
        for revision, change_id in enumerate(("a", "b"), start=2):
            repetition = once(change_id)._replace(repeated=True, known_revision=revision - 1)
            answer = await ask(backend, repetition, Changed)
            assert (answer.replayed, answer.revision) == (False, revision)
        answer = await ask(backend, once("c")._replace(repeated=True), Changed)
        assert (answer.replayed, answer.revision) == (False, 4)

    async def test_a_repetition_that_is_remembered_gets_the_first_answer(
        self, backend: Backend
    ) -> None:
        """However long ago the session was last seen."""
        await create(backend)
        await pass_by(backend, MANY)
        first = await ask(backend, once(), Changed)
        async with untouched(backend):
            await expect(backend, once()._replace(repeated=True), first._replace(replayed=True))

    async def test_a_repetition_that_comes_too_late_is_not_guessed(self, backend: Backend) -> None:
        """Nothing is checked before that, and nothing of it is applied."""
        await create(backend)
        await ask(backend, once("first"), Changed)
        await pass_by(backend, MANY)
        late = once("first")._replace(repeated=True, known_revision=1)
        async with untouched(backend):
            await expect(backend, late, Forgotten())
            await expect(backend, late._replace(known_revision=0), Forgotten())
            await expect(backend, late._replace(lease_token=fresh()), Forgotten())
            await expect(backend, late._replace(expect_revision=1), Forgotten())

    async def test_a_repetition_within_what_is_remembered_is_applied(
        self, backend: Backend
    ) -> None:
        """Where the session was known no more than 256 changes ago, it was surely not applied."""
        await create(backend)
        revision = await pass_by(backend, MANY)
        repetition = once("new")._replace(repeated=True, known_revision=revision - REMEMBERED)
        answer = await ask(backend, repetition, Changed)
        assert (answer.replayed, answer.revision) == (False, revision + 1)

    async def test_a_repetition_is_not_guessed_after_a_deletion(self, backend: Backend) -> None:
        """Where answers can be lost, it may have changed the session that was there before."""
        if not backend.answers_can_be_lost:
            pytest.skip("nobody repeats a change here")
        await create(backend)
        await ask(backend, once("first"), Changed)
        await ask(backend, Delete(KEY, change_id=fresh()), Deleted)
        await create(backend)
        async with untouched(backend):
            await expect(backend, once("first")._replace(repeated=True), Forgotten())
        await ask(backend, once("second"), Changed)
        await ask(backend, once("second")._replace(repeated=True), Changed)

    async def test_a_repetition_is_for_the_incarnation_that_was_known(
        self, backend: Backend, advance: Advance
    ) -> None:
        """What has its id after it expired, or was deleted, is another session."""
        first = await create(backend, ttl=10 * self.second)
        again = once()._replace(
            repeated=True, known_incarnation=first.incarnation, known_revision=1
        )
        assert (await ask(backend, again, Changed)).replayed is False
        assert (await ask(backend, again, Changed)).replayed is True
        await advance(11)
        for _ in range(2):
            later = await create(backend)
            async with untouched(backend):
                await expect(backend, again, Forgotten())
                await expect(backend, again._replace(lease_token=fresh()), Forgotten())
            of_this = again._replace(known_incarnation=later.incarnation)
            assert (await ask(backend, of_this, Changed)).replayed is False
            await ask(backend, Delete(KEY, change_id=fresh()), Deleted)

    async def test_what_is_sent_for_the_first_time_is_never_too_late(
        self, backend: Backend
    ) -> None:
        """It says nothing of the revision that was known."""
        await create(backend)
        revision = await pass_by(backend, MANY)
        assert (await ask(backend, once(), Changed)).revision == revision + 1
