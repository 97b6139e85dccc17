"""Drafts: what is in the making beside a session, sealed like its values, gone with it."""

import asyncio
from typing import Any, Final

import pytest

from holdfast.backend import DraftFound, ItemsFound, KeepDraft, ReadDraft, ReadItems
from holdfast.errors import DecryptionFailed, InvalidSession, LeaseLost
from holdfast.testing.steps import ask
from holdfast.testing.store_steps import (
    ID,
    NAMESPACE,
    NEWER_KEYS,
    OTHER,
    OTHER_KEYS,
    SOON,
    Store,
    Stores,
    unchanged,
)

LARGEST: Final = 262_144
VALUES: Final[tuple[Any, ...]] = (
    {"text": "So far", "at": 1.5, "parts": [1, None, True, {"é": "\x00"}]}, "text", 0, [], {},
    False, 2**60, ["", {}],
)  # fmt: skip


async def sealed_draft(stores: Stores, session_id: str = ID) -> bytes:
    """Look at what the backend keeps."""
    found = await ask(stores.backend, ReadDraft(f"{NAMESPACE}/{session_id}"), DraftFound)
    return found.sealed


async def put_draft(stores: Stores, sealed: bytes, session_id: str = ID) -> None:
    """Write a draft as somebody would who can write to the database."""
    await stores.backend.execute(KeepDraft(f"{NAMESPACE}/{session_id}", sealed))


class KeepingDrafts:
    """`second` is how many seconds one second of these tests lasts."""

    second: float

    async def test_a_draft_comes_back_exactly(self, store: Store) -> None:
        """There is none at first; the last one stands; None takes it away."""
        await store.create(ID)
        assert await store.read_draft(ID) is None
        for value in VALUES:
            assert await store.keep_draft(ID, value) is True
            found = await store.read_draft(ID)
            assert (type(found) is bool, found) == (type(value) is bool, value)
        assert await store.keep_draft(ID, None) is True
        assert await store.read_draft(ID) is None

    async def test_a_draft_stands_beside_the_revision(self, store: Store) -> None:
        """Session, log and count are as they were, and a writer who has read it goes on."""
        read = await store.create(ID, topic="t")
        await store.append(ID, "item")
        async with unchanged(store):
            await store.keep_draft(ID, "one")
            await store.read_draft(ID)
            await store.keep_draft(ID, None)
            await store.keep_draft(ID, "two")
        applied = await store.set(read.model_copy(update={"revision": 2}))
        assert (applied.revision, await store.read_draft(ID)) == (3, "two")

    async def test_a_draft_belongs_to_one_session(self, store: Store) -> None:
        """It is not in another one, and not in the next of its id."""
        await store.create(ID)
        await store.create(OTHER)
        await store.keep_draft(ID, "mine")
        assert await store.read_draft(OTHER) is None
        await store.delete(ID)
        await store.create(ID)
        assert await store.read_draft(ID) is None

    async def test_a_draft_under_a_lost_lease_is_refused(
        self, live: Store, stores_live: Stores
    ) -> None:
        """Free or another's by now: by the store, which leaves the draft as it is."""
        other = await stores_live.open()
        await live.create(ID)
        async with live.lease(ID) as lease:
            assert await live.keep_draft(ID, "mine", lease_token=lease.token) is True
        with pytest.raises(LeaseLost, match=ID):
            await live.keep_draft(ID, "late", lease_token=lease.token)
        assert await other.read_draft(ID) == "mine"
        async with other.lease(ID) as others:
            await other.keep_draft(ID, "other's", lease_token=others.token)
            with pytest.raises(LeaseLost, match=ID):
                await live.keep_draft(ID, None, lease_token=lease.token)
            assert await live.read_draft(ID) == "other's"

    async def test_whoever_listens_is_rung_for_a_draft(
        self, live: Store, stores_live: Stores
    ) -> None:
        """In every store; what comes after a ring has been followed by a reading rings again."""
        other = await stores_live.open()
        await live.create(ID)
        with other.listening(ID) as bell:
            for value in ("one", "two", "three", None):
                assert await other.read_draft(ID) != value
                await live.keep_draft(ID, value)
                async with asyncio.timeout(SOON):
                    while await other.read_draft(ID) != value:
                        assert await bell.rung()
            await live.keep_draft(ID, "last")
            assert await bell.rung(SOON)

    async def test_a_watch_gives_no_revision_for_a_draft(self, live: Store) -> None:
        """It gives the next one when there is one."""
        await live.create(ID)
        watch = live.watch(ID)
        assert await anext(watch) == 1
        await live.keep_draft(ID, "one")
        following = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0.05)
        await live.keep_draft(ID, "two")
        await asyncio.sleep(0.05)
        assert not following.done()
        await live.update(ID, topic="t")
        async with asyncio.timeout(SOON):
            assert await following == 2

    async def test_a_draft_is_sealed(self, store: Store, stores: Stores) -> None:
        """The backend sees neither what it says nor that two are equal."""
        seen: set[bytes] = set()
        for session_id in (ID, OTHER):
            await store.create(session_id)
            for _ in range(2):
                await store.keep_draft(session_id, {"Zanzibar": "Quetzal"})
                seen.add(await sealed_draft(stores, session_id))
        assert len(seen) == 4
        assert not any(word in sealed for word in (b"Zanzibar", b"Quetzal") for sealed in seen)

    async def test_a_draft_opens_where_it_was_kept(self, store: Store, stores: Stores) -> None:
        """Not in another session, not from the log, not altered, and not in plain text."""
        await store.create(ID)
        await store.create(OTHER)
        await store.append(ID, "item")
        await store.keep_draft(ID, "draft")
        await store.keep_draft(OTHER, "other")
        log = await ask(stores.backend, ReadItems(f"{NAMESPACE}/{ID}", 0, 1), ItemsFound)
        sealed = await sealed_draft(stores)
        for moved in (
            await sealed_draft(stores, OTHER), log.items[0].sealed, b'"draft"', sealed[:-1],
            sealed + b"\x00", bytes((*sealed[:-1], sealed[-1] ^ 1)),
        ):  # fmt: skip
            await put_draft(stores, moved)
            with pytest.raises(DecryptionFailed):
                await store.read_draft(ID)
        await put_draft(stores, sealed)
        assert await store.read_draft(ID) == "draft"

    async def test_a_draft_opens_with_its_key(self, store: Store, stores: Stores) -> None:
        """Also when a newer key seals; with a wrong one it is an error and never no draft."""
        await store.create(ID)
        await store.keep_draft(ID, "draft")
        assert await (await stores.open(keys=NEWER_KEYS)).read_draft(ID) == "draft"
        with pytest.raises(DecryptionFailed):
            await (await stores.open(keys=OTHER_KEYS)).read_draft(ID)

    async def test_a_draft_holds_a_quarter_of_a_megabyte(self, store: Store) -> None:
        """Of JSON; one byte more is refused, and the draft stays."""
        await store.create(ID)
        largest = "x" * (LARGEST - 2)
        assert await store.keep_draft(ID, largest) is True
        with pytest.raises(InvalidSession) as caught:
            await store.keep_draft(ID, largest + "x")
        assert caught.value.field == "draft"
        assert await store.read_draft(ID) == largest
