"""The note beside a session: a key of its own, which nothing else reads or writes."""

from typing import Final

from holdfast.backend import Absent, DraftFound, DraftKept, KeepDraft, LeaseGone, ReadDraft
from holdfast.backends.redis.calling import Caller
from holdfast.backends.redis.scripts import script

ABSENT: Final = 0
KEPT: Final = 1


class Drafting:
    """Keeps and reads drafts."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def keep(self, operation: KeepDraft) -> DraftKept | Absent | LeaseGone:
        """Keep a draft, or take it away."""
        token = operation.lease_token
        kinds, terms = (b"sr", ()) if token is None else (b"srl", (token.encode(),))
        place = self._caller.place(operation.key)
        (status,) = await self._caller.call(
            place, script("keep_draft"), kinds, (operation.sealed, *terms)
        )
        if status == ABSENT:
            return Absent()
        return DraftKept() if status == KEPT else LeaseGone()

    async def read(self, operation: ReadDraft) -> DraftFound | Absent:
        """Read a draft."""
        place = self._caller.place(operation.key)
        status, *answer = await self._caller.call(place, script("read_draft"), b"sr")
        return Absent() if status == ABSENT else DraftFound(answer[0] or b"")
