"""Faults of a log: items that are missing, doubled, out of order, or nobody's."""

from holdfast.testing.histories import Event, stamp
from tests.testing.histories.faulty import Faulty, NoPlace, pairs


def _log_read(faulty: Faulty, least: int) -> Event:
    event: Event = faulty.choose(
        event for event in faulty.answered("items") if len(event.answer) >= least
    )
    return event


def log_gap(faulty: Faulty) -> None:
    read = _log_read(faulty, 3)
    faulty.alter(read, answer=[read.answer[0], *read.answer[2:]])


def log_item_lost(faulty: Faulty) -> None:
    """Leave out the newest item, long after it was acknowledged."""
    numbers = {event.answer for event in faulty.answered("append")}
    read = faulty.answered("items")[-1]
    if not read.answer or read.answer[-1][0] not in numbers:
        raise NoPlace
    faulty.alter(read, answer=read.answer[:-1])


def log_item_twice(faulty: Faulty) -> None:
    read = _log_read(faulty, 1)
    number, item = read.answer[-1]
    faulty.alter(read, answer=[*read.answer, [number + 1, item]])


def log_item_of_nobody(faulty: Faulty) -> None:
    read = _log_read(faulty, 1)
    number = read.answer[-1][0]
    faulty.alter(read, answer=[*read.answer[:-1], [number, stamp("calm", by="nobody", number=1)]])


def log_number_twice(faulty: Faulty) -> None:
    first, second = faulty.choose(pairs(faulty.answered("append")))
    faulty.alter(second, answer=first.answer)


def log_order(faulty: Faulty) -> None:
    read = _log_read(faulty, 2)
    faulty.alter(read, answer=read.answer[::-1])


def log_item_popped_twice(faulty: Faulty) -> None:
    popped = faulty.choose(event for event in faulty.answered("pop_item") if event.answer)
    faulty.add("pop_item", popped.answer)


def log_item_back(faulty: Faulty) -> None:
    popped, read = faulty.choose(
        (popped, read)
        for popped in faulty.answered("pop_item") if popped.answer
        for read in faulty.answered("items") if popped.end < read.begin
    )  # fmt: skip
    faulty.alter(read, answer=sorted([*read.answer, popped.answer]))
