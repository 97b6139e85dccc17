"""The anchor: in the session store, how long the trail is, and the hash of its last row.

Rows that are cut off at the end leave a shorter trail which is sound in itself. The anchor is kept
elsewhere, sealed, and only moves forward, so who shortens the trail has to go back with the session
store as well; where that is another machine, in its database.
"""

from typing import Any, Final

from holdfast.change import Change
from holdfast.errors import RevisionConflict, SessionExists, SessionNotFound
from holdfast.keyring import Keyring
from holdfast.opening import open_beside
from holdfast.server.audit.chain import EMPTY, Head
from holdfast.session import Session
from holdfast.store import SessionStore
from holdfast.terms import LONGEST

NAMESPACE: Final = "audit"


class Anchored(Session):
    """What is kept of a head."""

    rows: int = 0
    hash: str = EMPTY.hash

    @property
    def head(self) -> Head:
        return Head(self.rows, self.hash)


class Anchor:
    """The anchor of the trail of one namespace."""

    def __init__(self, store: SessionStore[Any], keys: Keyring) -> None:
        self._id = f"anchor.{store.terms.namespace}"
        self._store = open_beside(
            store, NAMESPACE, model=Anchored, keys=keys, ttl=LONGEST, max_age=LONGEST, sliding=True
        )

    async def read(self) -> Head:
        """Say how the trail ended when the anchor was last moved."""
        kept = await self._store.get(self._id)
        return EMPTY if kept is None else kept.head

    async def move(self, head: Head) -> None:
        """Move the anchor forward to a head; one that is there or further stays."""
        while not await self._moved(head):
            # Another process moved it at the same time: theirs may be the longer one.
            continue

    async def replace(self, head: Head) -> None:
        """Put an anchor at a head, whatever was there."""
        await self._store.delete(self._id)
        await self.move(head)

    async def _moved(self, head: Head) -> bool:
        kept = await self._store.get(self._id)
        try:
            if kept is None:
                await self._store.create(self._id, rows=head.rows, hash=head.hash)
            elif kept.rows < head.rows:
                change = Change(set={"rows": head.rows, "hash": head.hash})
                await self._store.apply(self._id, change.at(kept.incarnation, kept.revision))
        except (SessionExists, SessionNotFound, RevisionConflict):
            return False
        return True
