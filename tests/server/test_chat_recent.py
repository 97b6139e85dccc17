"""What a room has read of a log is what the log holds, also when something was taken out of it."""

from collections.abc import AsyncGenerator

import pytest

from holdfast import SessionStore, open_store
from holdfast.server.conversation import transcript
from holdfast.server.conversation.recent import KEPT, Recent
from holdfast.server.conversation.transcript import read_all
from holdfast.server.model import ServiceSession
from holdfast.support import SupportAgent
from tests.support.scripted_engine import ScriptedEngine

Store = SessionStore[ServiceSession]


@pytest.fixture
async def store() -> AsyncGenerator[Store]:
    async with open_store("memory:", model=ServiceSession) as store:
        yield store


def said(number: int) -> dict[str, str]:
    return {"kind": "message", "id": f"m{number}", "role": "user", "content": f"say {number}"}


async def begun(store: Store, count: int) -> tuple[str, Recent]:
    """A conversation with so many messages, of which the room has read the newest."""
    session_id = (await store.create()).session_id
    for number in range(1, count + 1):
        await store.append(session_id, said(number))
    recent = Recent(store, session_id)
    await recent.read_on()
    return session_id, recent


async def numbers(recent: Recent, *, after: int = 0) -> list[int]:
    return [entry.number for entry in (await recent.after(after)).entries]


async def test_what_was_cleared_is_told_to_nobody(store: Store) -> None:
    session_id, recent = await begun(store, 3)
    assert await numbers(recent) == [1, 2, 3]
    await store.clear_items(session_id)
    await store.append(session_id, said(4))
    await recent.read_on()
    assert await numbers(recent) == [4]
    assert recent.find("m1") is None


async def test_what_was_taken_back_is_told_to_nobody(store: Store) -> None:
    session_id, recent = await begun(store, 3)
    await store.pop_item(session_id)
    await recent.read_on()
    assert await numbers(recent) == [1, 2]
    await store.append(session_id, said(4))
    await recent.read_on()
    assert await numbers(recent) == [1, 2, 4]


async def test_a_long_log_is_read_on_where_it_was_left(store: Store) -> None:
    """A log that is full gives up its oldest items, which the room need not read about."""
    session_id, recent = await begun(store, KEPT + 5)
    entries = (await recent.after(KEPT)).entries
    await store.append(session_id, said(KEPT + 6))
    await recent.read_on()
    assert (await recent.after(KEPT)).entries[:-1] == entries
    assert await numbers(recent, after=KEPT) == list(range(KEPT + 1, KEPT + 7))


async def test_a_transcript_holds_each_message_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers go on where a log was cleared, so that the first one may be a great one."""
    monkeypatch.setattr(transcript, "PAGE", 2)
    session_id, _ = await begun(store, 5)
    await store.clear_items(session_id)
    for number in range(6, 11):
        await store.append(session_id, said(number))
    agent = SupportAgent(store, None, ScriptedEngine())  # type: ignore[arg-type]
    messages = await read_all(agent, session_id)
    assert [message.number for message in messages] == [6, 7, 8, 9, 10]
