"""Faults of lists, counts and watches."""

from holdfast.testing.histories import Event
from holdfast.testing.histories.events import EVERYWHERE
from tests.testing.histories.faulty import Faulty, NoPlace

MILLISECOND = 1_000_000


def _lists(faulty: Faulty) -> list[Event]:
    return faulty.answered("list", session=EVERYWHERE)


def not_listed(faulty: Faulty) -> None:
    found = faulty.choose(iter(_lists(faulty)))
    shown = [entry for entry in found.answer if entry[0] != faulty.calm]
    faulty.alter(found, answer=shown)


def listed_twice(faulty: Faulty) -> None:
    found = faulty.choose(iter(_lists(faulty)))
    faulty.alter(found, answer=[*found.answer, found.answer[0]])


def listed_while_absent(faulty: Faulty) -> None:
    faulty.add("delete", True)
    (last,) = _lists(faulty)[-1:]
    faulty.alter(last, begin=faulty.end + 1, end=faulty.end + 2)


def listed_as_it_was(faulty: Faulty) -> None:
    """Show a session as an earlier list did."""
    last, first = _lists(faulty)[-1], _lists(faulty)[0]
    before = next(shown for name, shown in first.answer if name == faulty.calm)
    now = next(shown for name, shown in last.answer if name == faulty.calm)
    if before["revision"] == now["revision"]:
        raise NoPlace
    others = [entry for entry in last.answer if entry[0] != faulty.calm]
    faulty.alter(last, answer=[[faulty.calm, before], *others])


def counted_too_few(faulty: Faulty) -> None:
    last = faulty.answered("count", session=EVERYWHERE)[-1]
    faulty.alter(last, answer=0)


def counted_too_many(faulty: Faulty) -> None:
    last = faulty.answered("count", session=EVERYWHERE)[-1]
    faulty.alter(last, answer=last.answer + 1)


def transaction_lost(faulty: Faulty) -> None:
    """Count one that was not."""
    faulty.alter(faulty.answered("get")[-1], begin=faulty.end + 10, end=faulty.end + 11)
    last = faulty.last()
    request = {"name": "visits", "delta": 1}
    faulty.add("transact", faulty.made(integers=last["integers"]), request, at=faulty.end - 5)


def transaction_twice(faulty: Faulty) -> None:
    """Add once more than was asked for."""
    one = faulty.choose(iter(faulty.answered("transact")))
    name = one.request["name"]
    for event in faulty.answered("get", "apply", "transact"):
        answer = faulty.events[event.number].answer
        if answer["revision"] >= one.answer["revision"]:
            integers = {**answer["integers"], name: answer["integers"].get(name, 0) + 1}
            faulty.alter(event, answer__integers=integers)


def _steps(faulty: Faulty, *parts: str) -> list[Event]:
    return [step for step in faulty.answered("watch") if step.answer.keys() & set(parts)]


def _step(faulty: Faulty, answer: dict[str, int], after: int, *, at: int | None = None) -> Event:
    return faulty.add("watch", answer, {"watch": "x", "after": after}, at=at)


def watch_order(faulty: Faulty) -> None:
    revision = faulty.last()["revision"]
    _step(faulty, {"revision": revision}, 0)
    _step(faulty, {"revision": revision}, revision)


def stale_watch(faulty: Faulty) -> None:
    _step(faulty, {"revision": faulty.last()["revision"] - 1}, 0)


def future_watch(faulty: Faulty) -> None:
    made = [event for event in faulty.answered("apply") if not event.answer["replayed"]]
    change = faulty.choose(
        event for event in made if event.answer["revision"] > 1 and "change_id" not in event.request
    )
    _step(faulty, {"revision": change.answer["revision"]}, 0, at=change.begin - 10)


def watch_ended_early(faulty: Faulty) -> None:
    reads = faulty.answered("get")
    step = faulty.choose(step for step in _steps(faulty, "revision") if reads[0].end < step.begin)
    faulty.alter(step, answer={"ended": True})


def missed_wake_up(faulty: Faulty) -> None:
    """Wait in vain for the last change."""
    revision, since = faulty.last()["revision"], faulty.end
    step = _step(faulty, {"waiting": since}, revision - 1)
    faulty.alter(step, end=since + 10 * MILLISECOND)


def missed_end(faulty: Faulty) -> None:
    """Wait in vain for the end."""
    revision = faulty.last()["revision"]
    faulty.add("delete", True)
    since = faulty.end + 1
    step = _step(faulty, {"waiting": since}, revision)
    faulty.alter(step, end=since + 10 * MILLISECOND)


def list_ends_otherwise(faulty: Faulty) -> None:
    event = faulty.answered("count", session=EVERYWHERE)[-1]
    faulty.alter(event, outcome="refused", error="DecryptionFailed", answer=None)


def watch_ends_otherwise(faulty: Faulty) -> None:
    event = faulty.choose(iter(_steps(faulty, "revision", "waiting")))
    faulty.alter(event, outcome="refused", error="SessionNotFound", answer=None)
