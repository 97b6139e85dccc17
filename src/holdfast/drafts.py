"""The note beside a session: what is in the making, and no change to the session yet."""

from contextlib import AbstractContextManager
from typing import Any

from holdfast.answers import refusal
from holdfast.backend import Absent, DraftFound, DraftKept, KeepDraft, ReadDraft
from holdfast.bells import Bell
from holdfast.logs import Logs
from holdfast.sessions import M


class Drafts(Logs[M]):
    """Adds the calls that concern the draft of one session."""

    async def keep_draft(
        self, session_id: str, value: Any, *, lease_token: str | None = None
    ) -> bool:
        """Put a JSON value beside the session, in the place of the last; False without a session.

        It is no change: revision, times and deadline stay, and nothing conflicts with it. It ends
        with the session; None takes it away. Whoever listens is rung.

        Raises:
            LeaseLost: `lease_token` is given, and its lease is not held any more.
            StoreUnavailable: without a lease it is not repeated when its answer was lost. Under a
                lease it is: keep one at a time.
        """
        operation = KeepDraft(
            self._key(session_id), self._encoder.draft(session_id, value), lease_token
        )
        match await self._backend.execute(operation):
            case DraftKept():
                return True
            case Absent():
                return False
            case outcome:
                raise refusal(session_id, operation, outcome)

    async def read_draft(self, session_id: str) -> Any:
        """Read what was kept last; None when there is nothing, or no session."""
        operation = ReadDraft(self._key(session_id))
        match await self._backend.execute(operation):
            case DraftFound(sealed):
                return self._decoder.draft(session_id, sealed)
            case Absent():
                return None
            case outcome:
                raise refusal(session_id, operation, outcome)

    def listening(self, session_id: str) -> AbstractContextManager[Bell]:
        """Be rung, for the block, when the session, its draft or its lease may have moved.

        A bell may ring for nothing, and not when the session expires: read after each ring.
        What moves after that reading rings again.
        """
        return self._backend.listen(self._key(session_id))
