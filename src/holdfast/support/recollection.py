"""What a turn has to know of what was said before."""

from typing import Final, NamedTuple

from holdfast.session import SupportSession
from holdfast.store import SessionStore
from holdfast.support.engine import Said
from holdfast.support.incoming import Incoming
from holdfast.support.messages import Conversation, Entry

RECENT: Final = 200
"""Items at the end of a log that a turn reads; reading thousands would hold up all other turns."""


class Recollection(NamedTuple):
    """The recent messages; and, where this one was stored before, that entry and its answer."""

    recent: Conversation
    asked: Entry | None
    answer: Entry | None


async def recall(
    store: SessionStore[SupportSession], session_id: str, incoming: Incoming
) -> Recollection:
    """Read the end of the log; all of it where only there a message can be found again."""
    recent, skipped = await read_recent(store, session_id)
    if not incoming.recognisable:
        return Recollection(recent, None, None)
    whole = recent
    if skipped and recent.stored(incoming) is None:
        whole = await read_conversation(store, session_id)
    asked = whole.stored(incoming)
    return Recollection(recent, asked, asked and whole.answer_to(asked.message.id))


async def read_recent(
    store: SessionStore[SupportSession], session_id: str
) -> tuple[Conversation, int]:
    """Read the newest messages, and say how many items before them were left out."""
    beginning = await store.read_log(session_id, limit=RECENT)
    skipped = max(beginning.last_item - RECENT, 0)
    if not skipped:
        return Conversation.of(beginning.items), 0
    return Conversation.of(await store.items(session_id, after=skipped, limit=RECENT)), skipped


async def read_conversation(store: SessionStore[SupportSession], session_id: str) -> Conversation:
    """Read all of a log, page by page, so that other turns go on between two pages."""
    entries: list[Entry] = []
    after = 0
    while True:
        log = await store.read_log(session_id, after=after, limit=RECENT)
        entries += Conversation.of(log.items)
        after = log.items[-1].number if log.items else log.last_item
        if after >= log.last_item:
            return Conversation(entries)


def history(before: Conversation, limit: int) -> tuple[Said, ...]:
    """Give the last messages as an engine reads them."""
    told = [entry.message for entry in before if entry.message.role != "system"]
    recent = [kept for kept in told if kept.content][-limit:] if limit else []
    return tuple(
        Said("visitor" if kept.role == "user" else "agent", kept.content) for kept in recent
    )
