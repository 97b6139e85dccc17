"""Sealing anew what stands under older keys, while everybody goes on reading and writing.

Every sealed part is exchanged for the same content under the sealing key, on condition that it is
still, byte for byte, what was read; random nonces make that exact. A writer who comes in between
wins, so no update is lost, and whoever is stopped half way simply begins again.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from pydantic_core import from_json

from holdfast.backend import (
    Backend,
    DraftFound,
    ItemsFound,
    List,
    Listed,
    ReadDraft,
    ReadItems,
    Record,
    Reseal,
    Resealed,
    StoredItem,
    Swap,
    SwapItem,
)
from holdfast.entropy import Entropy
from holdfast.errors import DecryptionFailed
from holdfast.keyring import Keyring
from holdfast.sealing import Sealer, SessionSeal, key_id_of

T = TypeVar("T")

SESSIONS_A_PAGE: Final = 100
ITEMS_A_PAGE: Final = 100
AT_ONCE: Final = 16
# How much is exchanged in one step, in bytes: nobody else is answered meanwhile.
BYTES_A_STEP: Final = 1 << 20
USER_ID: Final = "uuser_id"
# What is no envelope, or does not open, is counted under this name.
UNREADABLE: Final = "?"


def exchange(key: str, record: Record, sealer: Sealer) -> Reseal | None:
    """Seal the older values of a session anew, and tag its user anew; None if there are none.

    Raises:
        DecryptionFailed: one of them does not open.
    """
    seal = sealer.of(key.partition("/")[2])
    swaps: list[Swap] = []
    user_tags: tuple[bytes, bytes] | None = None
    for tag, sealed in record.values.items():
        if seal.is_current(sealed):
            continue
        plain = seal.open("value", tag, sealed)
        name, value = _named(plain)
        new_tag = seal.tag(name)
        swaps.append(Swap(tag, sealed, new_tag, seal.seal("value", new_tag, plain)))
        if name == USER_ID and record.user_tag and isinstance(value, str):
            user_tags = record.user_tag, sealer.user_tags(value)[0]
    return Reseal(key, tuple(swaps), user_tags=user_tags) if swaps else None


def tags_of(record: Record, sealer: Sealer, session_id: str) -> dict[bytes, str]:
    """Say for each tag of a session's user under which key it is made; none without a user.

    Raises:
        DecryptionFailed: the user does not open.
    """
    seal = sealer.of(session_id)
    for place in (seal.tag(USER_ID), *seal.older_tags(USER_ID)):
        if record.user_tag and place in record.values:
            _, value = _named(seal.open("value", place, record.values[place]))
            return sealer.user_keys(str(value))
    return {}


def _named(plain: bytes) -> tuple[str, object]:
    """Read kind and name of an opened value, and the value."""
    ((name, value),) = from_json(b"{%b}" % plain[1:]).items()
    return chr(plain[0]) + name, value


class Pass(NamedTuple):
    """What going through all sessions once came to; `unreadable` sessions do not open."""

    sessions: int
    exchanged: int
    unreadable: int


class SealedSpace:
    """The sessions of one namespace, seen without their model."""

    def __init__(self, backend: Backend, *, namespace: str, keys: Keyring) -> None:
        self.namespace = namespace
        self._backend = backend
        self._keys = keys
        self._sealer = Sealer(keys, namespace=namespace, entropy=Entropy())

    async def count(self) -> Counter[str]:
        """Count sealed parts by the key that they stand under."""
        found: Counter[str] = Counter()
        async for counted in self._each(self._count):
            for one in counted:
                found.update(one)
        return found

    async def key_ids(self, *, sessions: int) -> set[str]:
        """Say which keys the values of some sessions, the oldest, stand under."""
        page = await self._page(sessions, None)
        return {_key_of(sealed) for _, record in page.sessions for sealed in record.values.values()}

    async def left(self) -> Counter[str]:
        """Count sealed parts by the key that they stand under, other than the sealing one."""
        found = await self.count()
        del found[self._keys.primary.key_id]
        return found

    async def reseal(self) -> Pass:
        """Go through all sessions once, and seal anew what stands under older keys."""
        sessions = exchanged = unreadable = 0
        async for done in self._each(self._reseal):
            sessions += len(done)
            exchanged += sum(filter(None, done))
            unreadable += done.count(None)
        return Pass(sessions, exchanged, unreadable)

    async def _count(self, session_id: str, record: Record) -> Counter[str]:
        found = Counter(map(_key_of, record.values.values()))
        found.update(self._tagged(session_id, record))
        async for items in self._items(session_id):
            found.update(_key_of(item.sealed) for item in items)
        draft = await self._draft(session_id)
        found.update([_key_of(draft)] if draft else [])
        return found

    def _tagged(self, session_id: str, record: Record) -> list[str]:
        """Say under which key the user is found; a user that does not open is counted already."""
        try:
            keys = tags_of(record, self._sealer, session_id)
        except DecryptionFailed:
            return []
        return [keys.get(record.user_tag, UNREADABLE)] if keys else []

    async def _reseal(self, session_id: str, record: Record) -> int | None:
        """Seal one session anew; say how many parts, None where one of them does not open."""
        exchanged = 0
        try:
            async for operation in self._exchanges(session_id, record):
                outcome = await self._backend.execute(operation)
                exchanged += outcome.parts if isinstance(outcome, Resealed) else 0
        except DecryptionFailed:
            return None
        return exchanged

    async def _each(self, work: Callable[[str, Record], Awaitable[T]]) -> AsyncIterator[list[T]]:
        """Do something with every session: some at a time travel together, and leave room."""
        position: tuple[int, str] | None = None
        while True:
            page = await self._page(SESSIONS_A_PAGE, position)
            for start in range(0, len(page.sessions), AT_ONCE):
                chosen = page.sessions[start : start + AT_ONCE]
                yield await asyncio.gather(*(work(*row) for row in chosen))
            position = page.cursor
            if position is None:
                return

    async def _page(self, limit: int, position: tuple[int, str] | None) -> Listed:
        page = await self._backend.execute(List(self.namespace, limit, position))
        if not isinstance(page, Listed):
            raise TypeError(f"{type(page).__name__} does not answer List")
        return page

    async def _items(self, session_id: str) -> AsyncIterator[Sequence[StoredItem]]:
        after = 0
        while True:
            page = await self._backend.execute(
                ReadItems(f"{self.namespace}/{session_id}", after, ITEMS_A_PAGE)
            )
            if not isinstance(page, ItemsFound) or not page.items:
                return
            yield page.items
            after = page.items[-1].number

    async def _draft(self, session_id: str) -> bytes:
        found = await self._backend.execute(ReadDraft(f"{self.namespace}/{session_id}"))
        return found.sealed if isinstance(found, DraftFound) else b""

    async def _exchanges(self, session_id: str, record: Record) -> AsyncIterator[Reseal]:
        """Seal the older parts of a session anew, some at a time."""
        key = f"{self.namespace}/{session_id}"
        values = exchange(key, record, self._sealer)
        if values is not None:
            yield values
        # A worker that went over later may have tagged the user of what was put in place meanwhile.
        tag = next(iter(tags_of(record, self._sealer, session_id)), record.user_tag)
        if tag != record.user_tag and (values is None or values.user_tags is None):
            yield Reseal(key, user_tags=(record.user_tag, tag))
        async for items in self._items(session_id):
            for swaps in _together(_swapped(self._sealer.of(session_id), items)):
                yield Reseal(key, items=swaps)
        draft, seal = await self._draft(session_id), self._sealer.of(session_id)
        if draft and not seal.is_current(draft):
            plain = seal.open("draft", b"", draft)
            yield Reseal(key, draft=(draft, seal.seal("draft", b"", plain)))


def _swapped(seal: SessionSeal, items: Iterable[StoredItem]) -> Iterator[SwapItem]:
    for item in items:
        if not seal.is_current(item.sealed):
            place = item.origin.encode()
            plain = seal.open("item", place, item.sealed)
            yield SwapItem(item.number, item.sealed, seal.seal("item", place, plain))


def _together(swaps: Iterable[SwapItem]) -> Iterator[tuple[SwapItem, ...]]:
    """Put items into steps that are not too large."""
    step: list[SwapItem] = []
    size = 0
    for swap in swaps:
        size += len(swap.sealed) + len(swap.resealed)
        if step and size > BYTES_A_STEP:
            yield tuple(step)
            step, size = [], len(swap.sealed) + len(swap.resealed)
        step.append(swap)
    if step:
        yield tuple(step)


def _key_of(sealed: bytes) -> str:
    return key_id_of(sealed) or UNREADABLE
