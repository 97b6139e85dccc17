"""Drafts: a note beside a session, which is no change to it and ends with it."""

import asyncio
from typing import Final

from holdfast.backend import (
    Acquire,
    Apply,
    Backend,
    Delete,
    Deleted,
    DraftFound,
    DraftKept,
    Drop,
    Granted,
    KeepDraft,
    LeaseGone,
    Purge,
    Purged,
    ReadDraft,
    Release,
    Released,
)
from holdfast.testing.steps import (
    HOUR,
    KEY,
    NAMESPACE,
    OTHER_KEY,
    Advance,
    apply,
    ask,
    change,
    create,
    expect,
    untouched,
)

SOON: Final = 5.0
NONE: Final = b""


async def keep(
    backend: Backend, sealed: bytes, key: str = KEY, *, under: str | None = None
) -> None:
    """Keep a draft beside a session that is there, `under` the lease of a token."""
    await expect(backend, KeepDraft(key, sealed, under), DraftKept())


async def drafted(backend: Backend, key: str = KEY) -> bytes:
    """Read the draft beside a session that is there."""
    return (await ask(backend, ReadDraft(key), DraftFound)).sealed


class Drafting:
    """`second` is how many microseconds one second of these tests lasts."""

    second: int

    async def test_the_last_draft_stands(self, backend: Backend) -> None:
        """There is none at first; whatever bytes it has come back; an empty one is none."""
        await create(backend)
        assert await drafted(backend) == NONE
        await keep(backend, NONE)
        assert await drafted(backend) == NONE
        for sealed in (b"\x00\xff\r\n", b"x" * 300_000, b"1", b"last"):
            await keep(backend, sealed)
            assert await drafted(backend) == sealed
        await keep(backend, NONE)
        assert await drafted(backend) == NONE

    async def test_a_draft_is_no_change(self, backend: Backend, advance: Advance) -> None:
        """Revision, times, deadline, values and log stay, and nobody's revision is outdated."""
        await create(backend, ttl=10 * self.second)
        await apply(backend, set={b"tag": b"value"}, append=(b"item",))
        await advance(2)
        async with untouched(backend):
            await keep(backend, b"draft")
            await drafted(backend)
            await keep(backend, NONE)
            await keep(backend, b"draft")
        await apply(backend, expect_revision=2)
        await advance(9)
        assert not isinstance(await backend.execute(ReadDraft(KEY)), DraftFound)

    async def test_no_change_moves_a_draft(self, backend: Backend) -> None:
        """It stands while the session is changed and replaced, and its log is cleared."""
        await create(backend)
        await keep(backend, b"draft")
        await apply(backend, append=(b"item",))
        await backend.execute(Drop(KEY, everything=True))
        await apply(backend, replace=True, set={b"tag": b"new"}, user_tags=(b"",))
        assert await drafted(backend) == b"draft"

    async def test_a_session_has_a_draft_of_its_own(self, backend: Backend) -> None:
        """However many are kept at the same time."""
        keys = [f"{NAMESPACE}/s{number}" for number in range(50)]
        for key in (KEY, OTHER_KEY, *keys):
            await create(backend, key)
        await keep(backend, b"mine")
        assert await drafted(backend, OTHER_KEY) == NONE

        async def draw(key: str) -> bytes:
            await keep(backend, b"first")
            await keep(backend, key.encode(), key)
            return await drafted(backend, key)

        assert await asyncio.gather(*map(draw, keys)) == [key.encode() for key in keys]

    async def test_a_draft_under_a_lost_lease_is_refused(
        self, backend: Backend, advance: Advance
    ) -> None:
        """Never taken, at its end, given back or stolen; the draft stays as the holder left it."""
        await create(backend)
        late = KeepDraft(KEY, b"late", "mine")
        await expect(backend, late, LeaseGone())
        await ask(backend, Acquire(KEY, "mine", 10 * self.second), Granted)
        await keep(backend, b"mine", under="mine")
        await expect(backend, KeepDraft(KEY, b"", "other"), LeaseGone())
        await advance(11)
        await expect(backend, late, LeaseGone())
        await ask(backend, Acquire(KEY, "mine", HOUR), Granted)
        await expect(backend, Release(KEY, "mine"), Released(True))
        await expect(backend, late, LeaseGone())
        await expect(backend, late._replace(lease_token=""), LeaseGone())
        await ask(backend, Acquire(KEY, "mine", HOUR), Granted)
        await ask(backend, Acquire(KEY, "thief", HOUR, steal=True), Granted)
        await expect(backend, late, LeaseGone())
        assert await drafted(backend) == b"mine"
        await keep(backend, b"anybody's")
        await keep(backend, b"thief's", under="thief")
        assert await drafted(backend) == b"thief's"

    async def test_a_draft_rings(self, backend: Backend) -> None:
        """When it is kept, replaced and taken away: whoever listens and reads misses none."""
        await create(backend)
        with backend.listen(KEY) as bell:
            for sealed in (b"one", b"two", b"three", NONE, b"four"):
                waiting = asyncio.create_task(_seen(backend, sealed))
                await keep(backend, sealed)
                assert await bell.rung(SOON), sealed
                await waiting

    async def test_a_draft_ends_with_its_session(self, backend: Backend, advance: Advance) -> None:
        """Deleted, expired, or collected: what comes after it under its id has none."""
        await create(backend)
        await keep(backend, b"old")
        await expect(backend, Delete(KEY), Deleted(True))
        await create(backend, ttl=2 * self.second)
        assert await drafted(backend) == NONE
        await keep(backend, b"old")
        await advance(3)
        await create(backend, ttl=2 * self.second)
        assert await drafted(backend) == NONE
        await keep(backend, b"old")
        await advance(3)
        await ask(backend, Purge(NAMESPACE, 10), Purged)
        await create(backend)
        assert await drafted(backend) == NONE

    async def test_a_draft_ends_with_a_session_that_was_extended(
        self, backend: Backend, advance: Advance
    ) -> None:
        """It stands as long as the session does, however often that is given more time."""
        await create(backend, ttl=10 * self.second)
        await keep(backend, b"draft")
        for _ in range(3):
            await advance(4)
            await apply(backend, slide=True)
        assert await drafted(backend) == b"draft"

    async def test_a_draft_is_no_event(self, backend: Backend) -> None:
        """Whoever watches the namespace is told of changes."""
        await create(backend)
        async with backend.events(NAMESPACE) as events:
            await keep(backend, b"draft")
            await keep(backend, NONE)
            await backend.execute(Delete(KEY))
            told = await asyncio.wait_for(anext(events), SOON)
            assert (told.kind, told.reason) == ("destroyed", "deleted")

    async def test_drafts_and_changes_at_once_are_all_there(self, backend: Backend) -> None:
        """Neither loses the other."""
        await create(backend)
        drafts = [KeepDraft(KEY, b"%d" % number) for number in range(30)]
        changes: list[Apply] = [change(append=(b"item",)) for _ in range(30)]
        pairs = zip(drafts, changes, strict=True)
        await asyncio.gather(*(backend.execute(step) for pair in pairs for step in pair))
        assert (await apply(backend)).last_item == 30
        await keep(backend, b"last")
        assert await drafted(backend) == b"last"


async def _seen(backend: Backend, sealed: bytes) -> None:
    """Wait until the draft is the one that is expected."""
    with backend.listen(KEY) as bell:
        async with asyncio.timeout(SOON):
            while await drafted(backend) != sealed:
                await bell.rung(SOON)
