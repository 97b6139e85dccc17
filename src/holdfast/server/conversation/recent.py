"""The end of a conversation's log, read on as it grows."""

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast.server.model import ServiceSession
from holdfast.store import SessionStore
from holdfast.support.messages import Conversation, Entry

KEPT: Final = 200
PAGE: Final = 100
ANSWERING: Final = frozenset({"assistant", "staff"})


class Stretch(NamedTuple):
    """The messages of a stretch of the log, and the number of the last item in it."""

    entries: Sequence[Entry]
    number: int


class Recent:
    """The newest messages; `number` is that of the newest item that was read."""

    def __init__(self, store: SessionStore[ServiceSession], session_id: str) -> None:
        self.number = 0
        self._store = store
        self._session_id = session_id
        self._entries: deque[Entry] = deque()
        # All messages with a greater number are here.
        self._since: int | None = None
        # How many items the log has, as far as it was read.
        self._length = 0

    async def read_on(self) -> None:
        """Read what is new in the log; the end of it anew where anything was taken out of it.

        Raises:
            SessionNotFound: the session has ended.
        """
        if self._since is None or not await self._has_grown():
            await self._go_back()
            await self._has_grown()
        while len(self._entries) > KEPT:
            self._since = self._entries.popleft().number

    async def _has_grown(self) -> bool:
        """Read on to the newest item; False when the log holds less now than it should."""
        while True:
            log = await self._store.read_log(self._session_id, after=self.number, limit=PAGE)
            self._entries.extend(Conversation.of(log.items))
            self._length = min(self._length + len(log.items), self._store.terms.max_items)
            self.number = log.items[-1].number if log.items else log.last_item
            if self.number >= log.last_item:
                break
        expected, self._length = self._length, log.length
        return expected <= log.length

    async def _go_back(self) -> None:
        """Begin with as many items as are kept here, whatever was read before."""
        newest = await self._store.read_log(self._session_id, limit=1)
        self._entries.clear()
        self._length = 0
        self._since = self.number = max(newest.last_item - KEPT, 0)

    async def after(self, number: int) -> Stretch:
        """Give what comes after a number: all that is known here, or a page of what was before.

        Raises:
            SessionNotFound: the session has ended.
        """
        if self._since is not None and number >= self._since:
            known = [entry for entry in self._entries if entry.number > number]
            return Stretch(known, self.number)
        log = await self._store.read_log(self._session_id, after=number, limit=PAGE)
        last = log.items[-1].number if log.items else log.last_item
        return Stretch(Conversation.of(log.items), last)

    def find(self, message_id: str) -> Entry | None:
        """Find a message by its id."""
        return next((entry for entry in self._entries if entry.message.id == message_id), None)

    def newest_reply(self) -> Entry | None:
        """Give the newest message of the agent or of staff."""
        replies = (entry for entry in reversed(self._entries) if entry.message.role in ANSWERING)
        return next(replies, None)

    def is_answered(self, message_id: str) -> bool:
        """Say whether a message has its answer."""
        return any(entry.message.reply_to == message_id for entry in self._entries)

    def never_begun(self, marked: str | None, *, begun: int) -> list[Entry]:
        """Give the visitor's messages that wait for their runs; see `Conversation.never_begun`."""
        return Conversation(self._entries).never_begun(marked, begun=begun)
