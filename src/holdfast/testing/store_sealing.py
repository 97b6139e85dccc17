"""Sealed values: they open with their key at their place, and nowhere else."""

import pickle
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

import pytest

from holdfast.backend import Apply, ItemsFound, ReadItems, Record
from holdfast.change import Change
from holdfast.errors import DecryptionFailed, HoldfastError
from holdfast.keyring import Keyring
from holdfast.session import SessionFilter
from holdfast.testing.store_listing import ids
from holdfast.testing.store_steps import (
    FIRST,
    ID,
    KEYS,
    NAMESPACE,
    NEWER_KEYS,
    ONLY_NEWER,
    OTHER,
    OTHER_KEYS,
    Account,
    Profile,
    Store,
    Stores,
    ask,
    every_page,
    plain,
    present,
)

SECRETS: Final = ("Zanzibar", "Quetzal", "Wombat", "Xylophone", "Jabberwock", "Kumquat", "Mistral")
READS: Final[list[Callable[[Store], Coroutine[Any, Any, Any]]]] = [
    lambda store: store.get(ID),
    lambda store: store.get_or_create(ID),
    lambda store: store.get_batch([ID, "never"]),
    lambda store: store.items(ID),
    lambda store: store.read_draft(ID),
    lambda store: store.transact(ID, lambda _: Change(set={"topic": "lost"})),
]


async def write_secrets(store: Store, session_id: str = ID) -> Account:
    """Put a secret word into everything that holds words."""
    await store.create(
        session_id, user_id="Zanzibar", topic="Quetzal", profile=Profile(name="Wombat"),
        metadata={"Xylophone": "Jabberwock"}, visits=3, escalated=True,
    )  # fmt: skip
    await store.append(session_id, {"text": "Kumquat"})
    await store.keep_draft(session_id, {"text": "Kumquat"})
    await store.apply(session_id, Change(set={"tags": ["Mistral"]}, change_id="mine"))
    return await present(store, session_id)


async def put(stores: Stores, values: Mapping[bytes, bytes], session_id: str = ID) -> None:
    """Write ciphertext as somebody would who can write to the database."""
    key = f"{NAMESPACE}/{session_id}"
    await stores.backend.execute(Apply(key, "tampering", set=values))


def spoiled(sealed: bytes) -> list[bytes]:
    """Spoil ciphertext in many ways."""
    cut = [sealed[:size] for size in (0, 1, 2, 3, 10, len(sealed) // 2, len(sealed) - 1)]
    flipped = [
        sealed[:place] + bytes((sealed[place] ^ 1,)) + sealed[place + 1 :]
        for place in range(len(sealed))
    ]
    return [*cut, *flipped, sealed + b"\x00", b'f"topic":"plain"', b"\x01\x01\xff" + b"x" * 300]


class SealingSessions:
    """The backend sees integers and ciphertext."""

    async def test_the_backend_keeps_no_plaintext(self, store: Store, stores: Stores) -> None:
        """Neither values nor names of keys, users, or items; it does keep the integers."""
        await write_secrets(store)
        record = await stores.record()
        log = await ask(stores.backend, ReadItems(f"{NAMESPACE}/{ID}", 0, 100), ItemsFound)
        kept = repr((record.values, record.user_tag, log)).encode()
        kept += b"".join(record.values) + b"".join(record.values.values()) + record.user_tag
        kept += b"".join(item.sealed for item in log.items)
        for word in (*SECRETS, "topic", "profile", "tags", "user_id"):
            assert word.encode() not in kept
        assert record.integers["visits"] == 3

    async def test_equal_values_are_sealed_differently(self, store: Store, stores: Stores) -> None:
        """In two sessions, and in one session twice: nobody sees that they are equal."""
        records: list[Record] = []
        for session_id in (ID, OTHER):
            await store.create(session_id, user_id="ann", topic="same")
            records.append(await stores.record(session_id))
        await store.update(ID, topic="same")
        records.append(await stores.record())
        sealed = [value for record in records[:2] for value in record.values.values()]
        assert len(set(sealed)) == 4
        assert not set(records[0].values) & set(records[1].values)
        assert len(set(records[2].values.values()) - set(sealed)) == 1

    async def test_a_wrong_key_is_an_error_and_never_an_empty_session(
        self, store: Store, stores: Stores
    ) -> None:
        """The store opens; whatever reads fails loudly and leaves the session as it was."""
        before = await write_secrets(store)
        for keys in (OTHER_KEYS, ONLY_NEWER):
            wrong = await stores.open(keys=keys)
            for read in READS:
                with pytest.raises(DecryptionFailed) as caught:
                    await read(wrong)
                assert caught.value.session_id == ID
            assert await wrong.exists(ID) is True
        assert await present(store) == before
        assert [item.value for item in await store.items(ID)] == [{"text": "Kumquat"}]

    async def test_a_wrong_key_does_not_take_an_item_away(
        self, store: Store, stores: Stores
    ) -> None:
        """What cannot be given to the caller stays in the log."""
        await write_secrets(store)
        wrong = await stores.open(keys=OTHER_KEYS)
        with pytest.raises(DecryptionFailed):
            await wrong.pop_item(ID)
        assert [item.value for item in await store.items(ID)] == [{"text": "Kumquat"}]

    async def test_a_keyring_survives_pickling(self, stores: Stores) -> None:
        """A worker process opens what its parent sealed; neither text nor repr shows the key."""
        store = await stores.open(keys=KEYS)
        before = await write_secrets(store)
        copied = pickle.loads(pickle.dumps(KEYS))  # noqa: S301 - just written
        assert await present(await stores.open(keys=copied)) == before
        key = FIRST
        for shown in (repr(KEYS), str(KEYS), repr(KEYS.primary), repr(list(KEYS))):
            assert "first" in shown
            assert key.hex() not in shown
            assert repr(key) not in shown
            assert repr(KEYS.primary.extracted) not in shown


class MovingCiphertext:
    """Ciphertext that was altered, or opens elsewhere, is an error: never data."""

    async def test_a_spoiled_value_does_not_open(self, store: Store, stores: Stores) -> None:
        """Each bit of the envelope counts; the neighbours are unaffected."""
        await write_secrets(store)
        neighbour = await write_secrets(store, OTHER)
        for tag, sealed in (await stores.record()).values.items():
            for wrong in spoiled(sealed):
                await put(stores, {tag: wrong})
                with pytest.raises(DecryptionFailed):
                    await store.get(ID)
            await put(stores, {tag: sealed})
            await present(store)
            assert await present(store, OTHER) == neighbour

    async def test_a_moved_value_does_not_open(self, store: Store, stores: Stores) -> None:
        """Not in another session, in another field of its own, or in another namespace."""
        await write_secrets(store)
        await write_secrets(store, OTHER)
        elsewhere = await stores.open(namespace="elsewhere")
        await write_secrets(elsewhere)
        own = dict((await stores.record()).values)
        others = list((await stores.record(OTHER)).values.values())
        foreign = list((await stores.record(namespace="elsewhere")).values.values())
        for tag, sealed in own.items():
            for moved in (*others, *foreign, *(set(own.values()) - {sealed})):
                await put(stores, {tag: moved})
                with pytest.raises(DecryptionFailed):
                    await store.get(ID)
            await put(stores, {tag: sealed})
        assert plain(await present(store)) == plain(await present(store, OTHER))

    async def test_a_whole_session_of_another_does_not_open(
        self, store: Store, stores: Stores
    ) -> None:
        """Not even all values together, under the tags that they had."""
        await store.create(ID)
        await store.create(OTHER, user_id="bob", topic="his")
        await stores.backend.execute(
            Apply(
                f"{NAMESPACE}/{ID}", "moved", set=(await stores.record(OTHER)).values,
                replace=True, user_tags=(b"",),
            )
        )  # fmt: skip
        with pytest.raises(DecryptionFailed):
            await store.get(ID)

    async def test_a_session_without_its_sealed_user_does_not_open(
        self, store: Store, stores: Stores
    ) -> None:
        """A record whose values were taken away is no empty session."""
        await store.create(ID)
        [user] = (await stores.record()).values
        await stores.backend.execute(Apply(f"{NAMESPACE}/{ID}", "emptied", unset=(user,)))
        with pytest.raises(DecryptionFailed):
            await store.get(ID)

    async def test_a_moved_item_does_not_open(self, store: Store, stores: Stores) -> None:
        """Each item is bound to its change and its place in it."""
        await store.create(ID)
        await store.append(ID, "one", "two")
        key = f"{NAMESPACE}/{ID}"
        first, second = (await ask(stores.backend, ReadItems(key, 0, 9), ItemsFound)).items
        assert first.origin.split(":")[0] == second.origin.split(":")[0]
        for sealed in (first.sealed, second.sealed):
            await store.clear_items(ID)
            await stores.backend.execute(Apply(key, f"x{sealed[-1]}", append=(sealed,)))
            with pytest.raises(DecryptionFailed):
                await store.items(ID)


class RotatingKeys:
    """The first key seals, every key opens."""

    async def test_a_newer_key_in_front_opens_and_seals(self, store: Store, stores: Stores) -> None:
        """Old sessions are read, changed, filtered and listed under both keys."""
        before = await write_secrets(store)
        rotated = await stores.open(keys=NEWER_KEYS)
        assert await present(rotated) == before
        await rotated.create(OTHER, user_id="Zanzibar")
        chosen = SessionFilter(user_id="Zanzibar")
        assert ids(await every_page(rotated, filter=chosen)) == [ID, OTHER]
        assert [item.value for item in await rotated.items(ID)] == [{"text": "Kumquat"}]

    async def test_a_changed_value_is_there_once(self, store: Store, stores: Stores) -> None:
        """The value sealed under the older key goes when a newer one is written."""
        await store.create(ID, topic="old", note="old", gone=1)
        rotated = await stores.open(keys=NEWER_KEYS)
        await rotated.apply(ID, Change(set={"topic": "new", "note": "new"}, unset=["gone"]))
        session = await present(rotated)
        assert (session.topic, session.metadata) == ("new", {"note": "new"})
        assert len((await stores.record()).values) == 3
        await rotated.apply(ID, Change(unset=["topic", "note"]))
        session = await present(rotated)
        assert (session.topic, session.metadata) == (None, {})

    async def test_workers_on_both_orders_of_keys_agree(self, stores: Stores) -> None:
        """While a rotation spreads, each still reads what the other has written last."""
        newer = await stores.open(keys=NEWER_KEYS)
        older = await stores.open(keys=Keyring.from_text(",".join(
            reversed(NEWER_KEYS.to_text().split(","))
        )))  # fmt: skip
        await older.create(ID, topic="0", user_id="ann")
        for place in range(1, 7):
            writer, reader = (newer, older) if place % 2 else (older, newer)
            await writer.update(ID, topic=str(place), note=place)
            session = await present(reader)
            assert (session.topic, session.metadata) == (str(place), {"note": place})
        assert len((await stores.record()).values) == 3

    async def test_a_key_is_retired_after_rewriting(self, store: Store, stores: Stores) -> None:
        """Once a session was put in place under the newer key, that one alone opens it."""
        await write_secrets(store)
        rotated = await stores.open(keys=NEWER_KEYS)
        retired = await stores.open(keys=ONLY_NEWER)
        with pytest.raises(DecryptionFailed):
            await retired.get(ID)
        await rotated.set(await present(rotated))
        assert plain(await present(retired)) == plain(await present(rotated))

    async def test_the_statistics_name_the_keys(self, stores: Stores) -> None:
        """By their ids, the sealing one first."""
        rotated = await stores.open(keys=NEWER_KEYS)
        stats = await rotated.get_stats()
        assert (stats.key_ids, stats.encryption) == (("second", "first"), "AES-256-GCM")


class SeparatingNamespaces:
    """Two namespaces share nothing."""

    async def test_a_session_is_in_its_namespace_only(self, stores: Stores) -> None:
        """The same id names two sessions; neither list, count, lease nor purge crosses."""
        mine, theirs = await stores.open(namespace="mine"), await stores.open(namespace="theirs")
        await mine.create(ID, topic="mine")
        assert await theirs.get(ID) is None
        assert await theirs.count_active() == 0
        assert await every_page(theirs) == []
        assert await theirs.delete(ID) is False
        await theirs.create(ID, topic="theirs")
        await mine.append(ID, "mine")
        assert await theirs.items(ID) == []
        async with mine.lease(ID), theirs.lease(ID, wait=0):
            await theirs.update(ID, note=1)
        change = Change(change_id="same", add={"visits": 1})
        answers = [await store.apply(ID, change) for store in (mine, theirs)]
        assert [answer.replayed for answer in answers] == [False, False]
        await theirs.delete(ID)
        assert (await present(mine)).topic == "mine"

    async def test_namespaces_with_one_beginning_are_apart(self, stores: Stores) -> None:
        """A prefix of a name is another name."""
        for name in ("a", "a.b", "a-b", "ab"):
            store = await stores.open(namespace=name)
            await store.create(ID, topic=name)
        for name in ("a", "a.b", "a-b", "ab"):
            store = await stores.open(namespace=name)
            assert [session.topic for session in await every_page(store)] == [name]

    async def test_a_user_is_another_one_in_another_namespace(
        self, store: Store, stores: Stores
    ) -> None:
        """Their tags in the index differ, so that nobody can join the two."""
        other = await stores.open(namespace="other")
        for each in (store, other):
            await each.create(ID, user_id="ann")
        here, there = await stores.record(), await stores.record(namespace="other")
        assert here.user_tag != there.user_tag

    async def test_every_error_of_reading_is_ours(self, store: Store, stores: Stores) -> None:
        """Spoiled values raise what callers catch, whatever the spoiling."""
        await store.create(ID, topic="t")
        for tag, sealed in (await stores.record()).values.items():
            for wrong in spoiled(sealed)[:7]:
                await put(stores, {tag: wrong})
                with pytest.raises(HoldfastError):
                    await store.get(ID)
            await put(stores, {tag: sealed})
