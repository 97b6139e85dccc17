"""Change ids: a retried change is applied once and answered as it was the first time."""

from typing import Final

from holdfast.backend import (
    Absent,
    Add,
    Apply,
    Backend,
    Changed,
    ChangeIdReused,
    Delete,
    Deleted,
    OverLimit,
)
from holdfast.testing.steps import (
    KEY,
    OTHER_KEY,
    apply,
    ask,
    change,
    create,
    expect,
    numbers,
    read,
    untouched,
)

REMEMBERED: Final = 256


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
