"""What a writer was about to do and what it was told, kept where a kill cannot take it back.

Each writer appends lines to a file of its own with one system call a line, before it goes on: what
the operating system has taken survives the process.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from holdfast import Change


class Order(NamedTuple):
    """One change: what it adds to the counter, how many items it appends, whether it sets."""

    change_id: str
    session_id: str
    added: int
    items: int
    sets: bool

    def change(self) -> Change:
        """Make the change; the same order always makes the same one."""
        return Change(
            set={"last": self.change_id} if self.sets else {},
            add={"total": self.added} if self.added else {},
            append=self.item_ids,
            change_id=self.change_id,
        )

    @property
    def item_ids(self) -> list[str]:
        """The items that it appends, each of them once in all the world."""
        return [f"{self.change_id}#{place}" for place in range(self.items)]


class Written(NamedTuple):
    """What journals say: the orders sent, the revision each answer named, what was wrong.

    `settled` holds those that a kill had left open and the next life sent again, and whether they
    had been applied before.
    """

    sent: Mapping[str, Order]
    acknowledged: Mapping[str, int]
    settled: Mapping[str, bool]
    complaints: list[str]

    @property
    def unknown(self) -> list[Order]:
        """The orders that were sent and never answered."""
        return [order for name, order in self.sent.items() if name not in self.acknowledged]


class Journal:
    """The journal of one writer, open for appending."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def send(self, order: Order) -> None:
        """Note an order that is about to be sent."""
        self._write({"sent": order})

    def acknowledge(self, order: Order, revision: int) -> None:
        """Note the answer to an order."""
        self._write({"acknowledged": order.change_id, "revision": revision})

    def settle(self, order: Order, revision: int, *, replayed: bool) -> None:
        """Note the answer to an order that was sent again after a kill."""
        self._write({"settled": order.change_id, "revision": revision, "replayed": replayed})

    def complain(self, what: str) -> None:
        """Note an answer that should not have come."""
        self._write({"complaint": what})

    def _write(self, entry: dict[str, Any]) -> None:
        os.write(self._file, json.dumps(entry).encode() + b"\n")


def read_journals(*paths: Path) -> Written:
    """Put together what some journals say."""
    sent: dict[str, Order] = {}
    acknowledged: dict[str, int] = {}
    settled: dict[str, bool] = {}
    complaints: list[str] = []
    for entry in _entries(paths):
        match entry:
            case {"sent": order}:
                sent[order[0]] = Order(*order)
            case {"acknowledged": change_id, "revision": revision}:
                acknowledged[change_id] = revision
            case {"settled": change_id, "revision": revision, "replayed": replayed}:
                acknowledged[change_id] = revision
                settled[change_id] = replayed
            case _:
                complaints.append(entry["complaint"])
    return Written(sent, acknowledged, settled, complaints)


def _entries(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        if path.exists():
            with path.open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)
