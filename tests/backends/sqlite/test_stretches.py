"""What a change appends is one row, and each of its items is still one by itself."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.backend import Changed, Drop, Dropped, ItemsFound, ReadItems, StoredItem
from holdfast.backends.sqlite import SQLiteBackend
from holdfast.backends.sqlite.stretches import Stretch, rest
from holdfast.errors import DecryptionFailed
from holdfast.testing.steps import (
    KEY,
    OTHER_KEY,
    apply,
    ask,
    change,
    create,
    numbers,
    read,
    read_log,
)

DAMAGES: dict[str, tuple[str, object]] = {
    "lengths that are no numbers": ("lengths", "1 x 1"),
    "lengths below nothing": ("lengths", "4 -2 1"),
    "no lengths": ("lengths", ""),
    "lengths of less": ("lengths", "1 1"),
    "lengths that are bytes": ("lengths", b"\xff"),
    "an origin without a place": ("origin", "change"),
    "an origin that is bytes": ("origin", b"change:1"),
    "ciphertext that is missing": ("sealed", b""),
    "ciphertext that is a number": ("sealed", 3),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
async def backend(path: Path) -> AsyncIterator[SQLiteBackend]:
    async with SQLiteBackend(path) as backend:
        await create(backend)
        yield backend


def _rows(path: Path) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT last, lengths FROM stretches ORDER BY last")
        return [(last, lengths) for last, lengths in found]


def _items(*sealed: bytes, first: int = 7, place: int = 1) -> list[StoredItem]:
    return [StoredItem(first + n, 10, f"a:b:{place + n}", each) for n, each in enumerate(sealed)]


@pytest.mark.parametrize("sealed", [(b"x",), (b"",), (b"", b"one", b"", b"three" * 99)])
def test_items_put_together_come_apart_the_same(sealed: tuple[bytes, ...]) -> None:
    """Whatever their sizes, and wherever in their change the first of them stood."""
    items = _items(*sealed, place=3)
    assert rest(items).items() == items


async def test_a_change_adds_one_row(backend: SQLiteBackend, path: Path) -> None:
    """However many items it appends; each has the origin that it was sealed under."""
    await apply(backend, change_id="one", append=(b"a", b"bb", b"ccc"))
    await apply(backend, change_id="two", append=(b"d",))
    assert _rows(path) == [(3, "1 2 3"), (4, "1")]
    items = (await read_log(backend)).items
    assert [item.origin for item in items] == ["one:1", "one:2", "one:3", "two:1"]
    assert [item.sealed for item in items] == [b"a", b"bb", b"ccc", b"d"]


async def test_reading_begins_and_ends_anywhere(backend: SQLiteBackend) -> None:
    """In the middle of what came together as well as between."""
    for number in range(4):
        await apply(backend, append=tuple(bytes([number, n]) for n in range(3)))
    for after in range(14):
        for limit in range(1, 14):
            found = await ask(backend, ReadItems(KEY, after, limit), ItemsFound)
            wanted = list(range(after + 1, min(12, after + limit) + 1))
            assert [item.number for item in found.items] == wanted
            assert [item.sealed[1] for item in found.items] == [(n - 1) % 3 for n in wanted]


async def test_the_newest_item_goes_alone(backend: SQLiteBackend, path: Path) -> None:
    """What came with it stays as it was."""
    await apply(backend, change_id="one", append=(b"a", b"bb", b"ccc"))
    dropped = await ask(backend, Drop(KEY), Dropped)
    assert dropped.item is not None
    assert (dropped.item.number, dropped.item.origin) == (3, "one:3")
    assert _rows(path) == [(2, "1 2")]
    await apply(backend, append=(b"d",))
    for number in (4, 2, 1):
        dropped = await ask(backend, Drop(KEY), Dropped)
        assert dropped.item is not None
        assert dropped.item.number == number
    assert _rows(path) == []
    assert (await ask(backend, Drop(KEY), Dropped)).item is None


async def test_the_oldest_items_go_one_by_one(backend: SQLiteBackend, path: Path) -> None:
    """Those that came with them stay, under the origins that they were sealed under."""
    await apply(backend, change_id="one", append=tuple(b"abcd"[n : n + 1] for n in range(4)))
    await apply(backend, append=(b"e",), max_items=3)
    assert _rows(path) == [(4, "1 1"), (5, "1")]
    first = (await read_log(backend)).items[0]
    assert (first.number, first.origin, first.sealed) == (3, "one:3", b"c")
    await apply(backend, append=(b"f", b"g"), max_items=3)
    assert await numbers(backend) == [5, 6, 7]


async def test_a_log_is_cut_by_more_than_is_looked_at_together(
    backend: SQLiteBackend, path: Path
) -> None:
    """Where the limit was lowered, the next append removes all that is too much."""
    for _ in range(6):
        await apply(backend, append=(b"x",) * 200, max_items=2000)
    for number in range(300):
        await apply(backend, append=(bytes(number % 7),), max_items=2000)
    await apply(backend, append=(b"last",), max_items=2)
    assert await numbers(backend) == [1500, 1501]
    assert len(_rows(path)) == 2


@pytest.mark.parametrize("what", DAMAGES)
async def test_a_damaged_stretch_is_its_sessions_trouble(
    what: str, backend: SQLiteBackend, path: Path
) -> None:
    """Reading and popping are refused; appending, trimming and other sessions go on."""
    await create(backend, OTHER_KEY)
    await apply(backend, append=(b"a", b"b", b"c"))
    column, value = DAMAGES[what]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"UPDATE stretches SET {column} = ?", (value,))
        connection.commit()
    with pytest.raises(DecryptionFailed, match="its row is damaged"):
        await backend.execute(ReadItems(KEY, 0, 10))
    with pytest.raises(DecryptionFailed, match="its row is damaged"):
        await backend.execute(Drop(KEY))
    assert (await read(backend)).length == 3
    outcome = await backend.execute(change(append=(b"d",), max_items=1))
    assert isinstance(outcome, Changed)
    assert (await ask(backend, ReadItems(OTHER_KEY, 0, 10), ItemsFound)).items == ()
    await backend.execute(Drop(KEY, everything=True))
    assert _rows(path) == []


def test_a_stretch_that_is_longer_than_its_items_is_damaged() -> None:
    """Nothing of it is taken for an item."""
    with pytest.raises(ValueError, match="not as long"):
        Stretch(1, 0, "a:1", "2", b"abc").items()
