"""Whether a store holds exactly what the journals say."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from benchmarks.kill_swarm.journal import Order, Written
from benchmarks.kill_swarm.writer import Swarm, Tally
from holdfast import Item, SessionStore

PAGE = 10_000


class Kept(NamedTuple):
    """What the store has of one session; `items` are the numbers and ids of its log."""

    session_id: str
    revision: int
    total: int
    items: list[tuple[int, str]]


async def read_all(swarm: Swarm) -> list[Kept]:
    """Read every session with the whole of its log."""
    async with swarm.open() as store:
        return [await _read(store, session_id) for session_id in swarm.session_ids]


async def _read(store: SessionStore[Tally], session_id: str) -> Kept:
    session = await store.get(session_id)
    if session is None:
        return Kept(session_id, 0, 0, [])
    items: list[Item] = []
    while page := await store.items(session_id, after=items[-1].number if items else 0, limit=PAGE):
        items += page
    entries = [(item.number, item.value) for item in items]
    return Kept(session_id, session.revision, session.total, entries)


def violations(kept: Iterable[Kept], written: Written) -> list[str]:
    """Say what is lost, doubled, made up or misnumbered.

    An order that was never answered may be there once or not at all; an answered one is there once.
    """
    by_session: dict[str, list[Order]] = {}
    for order in written.sent.values():
        by_session.setdefault(order.session_id, []).append(order)
    found = list(written.complaints)
    for session in kept:
        found += _violations_of(session, by_session.get(session.session_id, []), written)
    return found


def _violations_of(session: Kept, sent: list[Order], written: Written) -> Iterator[str]:
    sure = [order for order in sent if order.change_id in written.acknowledged]
    ranges = {
        "changes": (session.revision - 1, len(sure), len(sent)),
        "total": (session.total, _added(sure), _added(sent)),
    }
    for name, (value, least, most) in ranges.items():
        if not least <= value <= most:
            yield f"{session.session_id}: {name} is {value}, not {least}..{most}"
    times = Counter(name for _, name in session.items)
    for name, count in times.items():
        if count > 1:
            yield f"{session.session_id}: {name} is there {count} times"
    for name in {item for order in sure for item in order.item_ids} - times.keys():
        yield f"{session.session_id}: {name} was acknowledged and is lost"
    for name in times.keys() - {item for order in sent for item in order.item_ids}:
        yield f"{session.session_id}: {name} was never sent here"
    yield from _misnumbered(session, sure)


def _misnumbered(session: Kept, sure: list[Order]) -> Iterator[str]:
    numbers = [number for number, _ in session.items]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"{session.session_id}: the numbers of its log have gaps or repeat"
    places = {name: number for number, name in session.items}
    for order in sure:
        own = [places.get(name, 0) for name in order.item_ids]
        if own and own != list(range(own[0], own[0] + len(own))):
            yield f"{session.session_id}: the items of {order.change_id} stand apart"


def _added(orders: Iterable[Order]) -> int:
    return sum(order.added for order in orders)


def integrity(swarm: Swarm) -> str:
    """Let SQLite check its file; "ok" when it is sound."""
    connection = sqlite3.connect(swarm.path)
    try:
        return "; ".join(str(row[0]) for row in connection.execute("PRAGMA integrity_check"))
    finally:
        connection.close()
