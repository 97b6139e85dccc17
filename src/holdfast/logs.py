"""The calls on a session's log: append to it, read it, take from its end."""

from typing import Any, Final, NamedTuple

from holdfast.answers import refusal
from holdfast.backend import Drop, Dropped, ItemsFound, ReadItems
from holdfast.change import Change, Item
from holdfast.errors import InvalidSession, SessionNotFound
from holdfast.session import MAX_INTEGER
from holdfast.sessions import M, Sessions

MAX_ITEMS_READ: Final = 10_000


class Log(NamedTuple):
    """A stretch of a log. `length` counts all its items, `last_item` numbers the newest ever."""

    items: list[Item]
    length: int
    last_item: int


class Logs(Sessions[M]):
    """Adds the calls that concern the log of one session."""

    async def append(self, session_id: str, *items: Any) -> int:
        """Append to the log, all or nothing; gives the number of the last item in it."""
        return (await self.apply(session_id, Change(append=items))).last_item

    async def items(self, session_id: str, *, after: int = 0, limit: int = 100) -> list[Item]:
        """Read the log in order: up to `limit` items with numbers greater than `after`.

        Raises:
            SessionNotFound: there is no such session.
        """
        return (await self.read_log(session_id, after=after, limit=limit)).items

    async def read_log(self, session_id: str, *, after: int = 0, limit: int = 100) -> Log:
        """Read a stretch of the log together with its length and its last number."""
        if type(limit) is not int or not 1 <= limit <= MAX_ITEMS_READ:
            raise InvalidSession("limit", f"must be an integer from 1 to {MAX_ITEMS_READ}")
        if type(after) is not int or not 0 <= after <= MAX_INTEGER:
            raise InvalidSession("after", "must be the number of an item, or 0")
        operation = ReadItems(self._key(session_id), after, limit)
        match await self._backend.execute(operation):
            case ItemsFound(items, length, last_item):
                opened = [self._decoder.item(session_id, item) for item in items]
                return Log(opened, length, last_item)
            case outcome:
                raise refusal(session_id, operation, outcome)

    async def pop_item(self, session_id: str) -> Item | None:
        """Remove the newest item and give it; None when the log is empty.

        Raises:
            DecryptionFailed: the keyring does not open this session; nothing was removed.
        """
        if await self.get(session_id) is None:
            raise SessionNotFound(session_id)
        dropped = await self._drop(session_id, everything=False)
        return None if dropped.item is None else self._decoder.item(session_id, dropped.item)

    async def clear_items(self, session_id: str) -> None:
        """Remove all items; numbers go on."""
        await self._drop(session_id, everything=True)

    async def _drop(self, session_id: str, *, everything: bool) -> Dropped:
        operation = Drop(self._key(session_id), everything, self._terms.sliding)
        outcome = await self._write(session_id, operation)
        if isinstance(outcome, Dropped):
            return outcome
        raise refusal(session_id, operation, outcome)
