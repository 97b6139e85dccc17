"""Faults of what a session is: revisions, values, counters, flags, and whose it is."""

from itertools import pairwise

from holdfast.testing.histories import Kind, stamp
from tests.testing.histories.faulty import Faulty, NoPlace, is_fresh, pairs, revision_of


def duplicate_revision(faulty: Faulty) -> None:
    changes = [event for event in faulty.answered("apply") if is_fresh(event)]
    first, second = faulty.choose(
        (a, b) for a, b in pairwise(changes)
        if a.request.get("change_id") is None and b.request.get("change_id") is None
    )  # fmt: skip
    faulty.alter(second, answer__revision=revision_of(first))


def missing_revision(faulty: Faulty) -> None:
    """Skip a number: everything later is one further on than anybody made it."""
    seen = faulty.answered("get", "apply")
    after = faulty.choose(iter([revision_of(event) for event in seen[:-1] if event.answer]))
    for event in seen:
        if revision_of(event) > after:
            faulty.alter(event, answer__revision=revision_of(event) + 1)
    if revision_of(seen[-1]) <= after:
        raise NoPlace


def lost_change(faulty: Faulty) -> None:
    """Acknowledge a change that never was."""
    place = faulty.choose(iter(faulty.answered("get")[:-1]))
    kind: Kind = faulty.dice.choice(["pop_item", "clear_items"])
    if kind == "pop_item" and any(True for _ in faulty.answered("append", "apply")):
        faulty.add("clear_items", None, at=place.end + 1)
    else:
        faulty.add(kind, None, at=place.end + 1)


def stale_read(faulty: Faulty) -> None:
    first, second = faulty.choose(
        (a, b) for a, b in pairs(faulty.answered("get")) if 0 < revision_of(a) < revision_of(b)
    )
    faulty.alter(first, begin=second.end + 1, end=second.end + 2)


def future_read(faulty: Faulty) -> None:
    made = {revision_of(event): event for event in faulty.answered("apply") if is_fresh(event)}
    maker, read = faulty.choose(
        (made[revision_of(read)], read)
        for read in faulty.answered("get")
        if revision_of(read) in made and not made[revision_of(read)].request.get("change_id")
    )
    faulty.alter(read, begin=maker.begin - 2, end=maker.begin - 1)


def order_of_changes(faulty: Faulty) -> None:
    changes = [event for event in faulty.answered("apply") if is_fresh(event)]
    first, second = faulty.choose(
        (a, b) for a, b in pairs(changes)
        if a.request.get("change_id") is None and b.request.get("change_id") is None
    )  # fmt: skip
    faulty.alter(first, answer=second.answer)
    faulty.alter(second, answer=first.answer)


def wrong_value(faulty: Faulty) -> None:
    read = faulty.choose(event for event in faulty.answered("get") if event.answer["values"])
    other = stamp(faulty.calm, by="nobody", number=1)
    faulty.alter(read, answer__values={**read.answer["values"], "topic": other})


def value_of_before(faulty: Faulty) -> None:
    """Show what a value was before."""
    first, second = faulty.choose(
        (a, b) for a, b in pairs(faulty.answered("get"))
        if a.answer["values"].get("topic") != b.answer["values"].get("topic")
    )  # fmt: skip
    faulty.alter(second, answer__values=first.answer["values"])


def wrong_type(faulty: Faulty) -> None:
    """Give an integer back as a float."""
    session = "wild"
    read = faulty.choose(
        event
        for event in faulty.answered("get", session=session)
        if event.answer and type(event.answer["values"].get("mood")) is int
    )
    values = {**read.answer["values"], "mood": 12345678901234567.0}
    faulty.alter(read, answer__values=values)


def wrong_counter(faulty: Faulty) -> None:
    read = faulty.answered("get")[-1]
    visits = read.answer["integers"]["visits"] + faulty.dice.choice([-1, 1])
    faulty.alter(read, answer__integers={**read.answer["integers"], "visits": visits})


def write_after_delete(faulty: Faulty) -> None:
    faulty.add("delete", True)
    last = faulty.last()
    faulty.add("increment", last["integers"]["visits"] + 1, {"name": "visits", "delta": 1})


def alive_after_delete(faulty: Faulty) -> None:
    read = faulty.choose(iter(faulty.answered("get")[1:-2]))
    faulty.add("delete", True, at=read.end + 1)


def absent_while_alive(faulty: Faulty) -> None:
    read = faulty.choose(iter(faulty.answered("get")[:-1]))
    kind: Kind = faulty.dice.choice(["get", "exists", "touch"])
    faulty.add(kind, None if kind == "get" else False, at=read.end + 1)


def not_found_while_alive(faulty: Faulty) -> None:
    read = faulty.choose(iter(faulty.answered("get")[:-1]))
    faulty.add("append", None, {"items": [1]}, at=read.end + 1, error="SessionNotFound")


def mixed_incarnations(faulty: Faulty) -> None:
    reads = [event for event in faulty.answered("get", session="wild") if event.answer]
    first, second = faulty.choose(
        (a, b) for a, b in pairs(reads) if a.answer["incarnation"] != b.answer["incarnation"]
    )
    faulty.alter(first, begin=second.end + 1, end=second.end + 2)


def change_applied_twice(faulty: Faulty) -> None:
    first = faulty.choose(
        event for event in faulty.answered("apply") if event.request.get("change_id")
        and not {"expect_revision", "lease_token", "append"} & event.request.keys()
    )  # fmt: skip
    integers = faulty.last()["integers"]
    for name, delta in first.request.get("add", {}).items():
        integers[name] += delta
    faulty.add("apply", faulty.made(integers=integers), first.request)


def replay_told_otherwise(faulty: Faulty) -> None:
    """Answer the second attempt as if it had been the first thing to do now."""
    first = faulty.choose(
        event for event in faulty.answered("apply") if event.request.get("change_id")
    )
    revision = faulty.last()["revision"]
    if revision <= revision_of(first):
        raise NoPlace
    faulty.add("apply", faulty.made(revision=revision, replayed=True), first.request)


def lost_increment(faulty: Faulty) -> None:
    """Show less at the end than was acknowledged."""
    read = faulty.answered("get")[-1]
    name = faulty.choose(name for name in ("visits", "spending") if read.answer["integers"][name])
    faulty.alter(read, answer__integers={**read.answer["integers"], name: 0})


def number_given_twice(faulty: Faulty) -> None:
    first, second = faulty.choose(
        (a, b) for a, b in pairs(faulty.answered("increment"))
        if a.request["name"] == b.request["name"]
    )  # fmt: skip
    faulty.alter(second, answer=first.answer)


def flag_won_twice(faulty: Faulty) -> None:
    winner = faulty.choose(event for event in faulty.answered("claim") if event.answer)
    faulty.add("claim", True, winner.request)


def foreign_value(faulty: Faulty) -> None:
    """Give the answer to a read to somebody who read another session."""
    other = [event for event in faulty.answered("get", session="wild") if event.answer]
    theirs = faulty.choose(
        event for event in other if isinstance(event.answer["values"].get("topic"), dict)
    )
    faulty.alter(faulty.choose(iter(faulty.answered("get"))), answer=theirs.answer)


def foreign_change(faulty: Faulty) -> None:
    """Give the answer to a change to somebody who changed another session."""
    theirs = faulty.choose(iter(faulty.answered("apply", session="wild")))
    faulty.alter(faulty.choose(iter(faulty.answered("apply"))), answer=theirs.answer)


def unreadable(faulty: Faulty) -> None:
    read = faulty.choose(iter(faulty.answered("get")))
    faulty.alter(read, outcome="refused", error="DecryptionFailed", answer=None)
