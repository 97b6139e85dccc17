"""What it excuses that the store lost an answer and sent a call again, and what it does not."""

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from holdfast.backends.memory import MemoryBackend
from holdfast.opening import InMemorySessionStore
from holdfast.retrying import Resilient
from holdfast.store import SessionStore
from holdfast.testing.histories import (
    Call,
    CheckedSession,
    Event,
    History,
    Kind,
    Recorder,
    check,
    perform,
)
from holdfast.testing.histories.recording import Repeats
from tests.faulty import Faulty
from tests.testing.histories.simulation import KEYS
from tests.testing.histories.test_order import Script, snapshot

MADE = {
    "incarnation": "i", "integers": {"visits": 1}, "first_item": None, "last_item": 0,
    "replayed": False,
}  # fmt: skip
ADDING: dict[str, Any] = {
    "apply": {"add": {"visits": 1}}, "transact": {"name": "visits", "delta": 1}
}  # fmt: skip


def refused(script: Script, error: str, *, repeated: bool) -> Script:
    """Have the last call of a script refused."""
    last = script.events[-1]
    script.events[-1] = replace(
        last, outcome="refused", error=error, answer=None, repeated=repeated
    )
    return script


def passes(events: list[Event]) -> bool:
    return check(History(events)).ok


@pytest.mark.parametrize("repeated", [True, False])
def test_a_change_may_have_been_made_to_a_session_that_ended_before_it_was_sent_again(
    repeated: bool,
) -> None:
    """It was seen, the session was deleted, and the repetition found none."""
    script = Script().did(2, 30, "increment", name="visits")
    refused(script, "SessionNotFound", repeated=repeated)
    script.did(5, 6, "get", snapshot(2, visits=1)).did(10, 11, "delete", True)
    assert passes(script.events) is repeated


@pytest.mark.parametrize("repeated", [True, False])
def test_a_create_may_have_made_a_session_that_ended_before_it_was_sent_again(
    repeated: bool,
) -> None:
    """Somebody saw it, deleted it, and created another one."""
    script = Script().did(2, 3, "delete", True)
    script.did(4, 30, "create", integers={"visits": 7}, values={})
    refused(script, "SessionExists", repeated=repeated)
    seen = {**snapshot(1, visits=7), "incarnation": "j"}
    other = {**snapshot(1, visits=0), "incarnation": "k"}
    script.did(5, 6, "get", seen).did(10, 11, "delete", True).did(12, 13, "create", other)
    assert passes(script.events) is repeated


@pytest.mark.parametrize("repeated", [True, False])
def test_a_lease_may_have_been_given_back_before_its_release_was_sent_again(repeated: bool) -> None:
    """So that the repetition finds nothing to release."""
    script = Script().did(2, 3, "acquire", {"token": "t", "fence": 9}, ttl=10, wait=0)
    script.did(4, 5, "release", False, token="t")
    script.events[-1] = replace(script.events[-1], repeated=repeated)
    script.did(6, 7, "acquire", {"token": "u", "fence": 10}, ttl=10, wait=0)
    assert script.has_order is repeated


@pytest.mark.parametrize("repeated", [True, False])
def test_a_session_may_have_been_stolen_before_the_steal_was_sent_again(repeated: bool) -> None:
    """And be free again when the time of the thief was over, before that of the one stolen from."""
    script = Script().did(2, 40, "steal", {"token": "t", "fence": 30}, ttl=0.003)
    script.events[-1] = replace(script.events[-1], repeated=repeated)
    script.did(4, 5, "acquire", {"token": "u", "fence": 10}, ttl=10, wait=0)
    script.did(20, 21, "acquire", {"token": "v", "fence": 20}, ttl=0.003, wait=0)
    assert passes(script.events) is repeated


@pytest.mark.parametrize("repeated", [1, 2])
def test_each_lost_attempt_at_a_steal_may_have_been_one(repeated: int) -> None:
    """Two long leases that ended early are two thefts before the one that was answered."""
    script = Script().did(2, 60, "steal", {"token": "t", "fence": 50}, ttl=0.003)
    script.events[-1] = replace(script.events[-1], repeated=repeated)
    script.did(4, 5, "acquire", {"token": "u", "fence": 10}, ttl=10, wait=0)
    script.did(20, 21, "acquire", {"token": "v", "fence": 20}, ttl=10, wait=0)
    script.did(40, 41, "acquire", {"token": "w", "fence": 30}, ttl=0.003, wait=0)
    assert passes(script.events) is (repeated == 2)


def test_a_repeated_change_is_still_made_once() -> None:
    """An answer that came at last is the only one."""
    script = Script().did(2, 30, "apply", {**MADE, "revision": 2}, add={"visits": 1})
    script.events[-1] = replace(script.events[-1], repeated=True)
    script.did(40, 41, "get", snapshot(3, visits=2))
    assert not passes(script.events)


def test_a_deletion_that_was_sent_again_is_answered_like_the_first_time() -> None:
    """`False` is never the answer to whoever ended the session."""
    script = Script().did(2, 30, "delete", False)
    script.events[-1] = replace(script.events[-1], repeated=True)
    assert not passes(script.events)


async def test_a_recorder_knows_what_the_store_sent_again(tmp_path: Path) -> None:
    """Of each of many calls at once, and of no other."""
    repeats, path = Repeats(), tmp_path / "history.jsonl"
    lost = {"s1", "s3"}

    def plan(operation: Any) -> Any:
        name = operation.key.partition("/")[2]
        if name in lost:
            lost.discard(name)
            return "lose_answer"
        return "none"

    faulty = Faulty(MemoryBackend(), plan=plan)
    backend = Resilient(faulty, deadline=5, observers=[repeats], jitter=lambda: 0)
    store = SessionStore(backend, model=CheckedSession, keys=KEYS)
    async with store:
        with Recorder(path, process="p", repeats=repeats) as recorder:
            calls = [Call("create", f"s{number}") for number in range(5)]
            await asyncio.gather(
                *(recorder.record("c", call, partial(perform, store, call)) for call in calls)
            )
    found = {event.session: event.repeated for event in History.load(path).events}
    assert found == {"s0": False, "s1": True, "s2": False, "s3": True, "s4": False}


async def test_without_a_word_from_the_store_nothing_was_sent_again(tmp_path: Path) -> None:
    """A recorder that nobody tells anything takes every call for the first."""
    path = tmp_path / "history.jsonl"
    async with InMemorySessionStore(model=CheckedSession, keys=KEYS) as store:
        with Recorder(path, process="p") as recorder:
            call = Call("create", "s")
            await recorder.record("c", call, partial(perform, store, call))
    (event,) = History.load(path).events
    assert not event.repeated


@pytest.mark.parametrize("repeated", [True, False])
@pytest.mark.parametrize("kind", ["apply", "transact"])
def test_what_nobody_sent_before_is_no_repetition(kind: Kind, repeated: bool) -> None:
    """An answer that says so is wrong, unless the store had sent it twice by itself."""
    script = Script().did(2, 3, kind, {**MADE, "revision": 2, "replayed": True}, **ADDING[kind])
    script.events[-1] = replace(script.events[-1], repeated=repeated)
    assert passes(script.events) is repeated
    assert script.has_order is repeated
