"""Where the views of one conversation meet: the session is read once for all of them.

The store's bell is what wakes a room. What it reads is the truth; nothing else carries state.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from holdfast.bells import Bell
from holdfast.errors import LeaseLost, SessionNotFound, StoreUnavailable
from holdfast.server.closing import Ended, Ending
from holdfast.server.conversation.admission import ENDED
from holdfast.server.conversation.drafting import Draft
from holdfast.server.conversation.owners import agent_answers, owner_of
from holdfast.server.conversation.recent import Recent
from holdfast.server.conversation.runs import Runs
from holdfast.server.conversation.typists import Typists
from holdfast.server.conversation.wire import Rating
from holdfast.server.model import ServiceSession
from holdfast.session import RunMark
from holdfast.store import SessionStore
from holdfast.support import SupportAgent
from holdfast.support.messages import Entry

logger = logging.getLogger(__name__)

# How often a room looks by itself while it waits for a sign of life, and after how many looks
# without one a run counts as abandoned.
LOOK_SECONDS: Final = 1.0
PATIENCE: Final = 3
# How often it looks otherwise, so that an end that rings no bell is seen.
QUIET_SECONDS: Final = 30.0
# Any number of tabs, but not of sockets that somebody opens without end.
MOST_VIEWS: Final = 100


class Progress(NamedTuple):
    """A run that has not come to an answer up to item `number` of the log."""

    number: int
    run_id: str
    message_id: str
    request_id: str | None
    state: Literal["running", "interrupted", "failed", "cancelled"]
    reason: str
    draft: Draft | None
    retryable: bool = True


@dataclass(frozen=True, slots=True)
class Parts:
    """What rooms stand on."""

    store: SessionStore[ServiceSession]
    agent: SupportAgent
    runs: Runs


class Room:
    """One conversation as this process sees it; `ending` says why there is no more to see."""

    def __init__(self, session_id: str, parts: Parts) -> None:
        self.session_id = session_id
        self.session: ServiceSession | None = None
        self.recent = Recent(parts.store, session_id)
        self.progress: Progress | None = None
        self.ending: Ended | None = None
        self.views = 0
        self.owner = agent_answers()
        self.ratings: dict[str, Rating] = {}
        self._typists = Typists()
        self._parts = parts
        self._bells: set[Bell] = set()
        self._own_bell = Bell()
        self._seen: object = None
        self._silent = 0
        self._counted = 0.0

    @contextmanager
    def listening(self) -> Generator[Bell]:
        """Be rung, for the block, when there may be something new in the room."""
        bell = Bell()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)

    def end(self, ending: Ended) -> None:
        """Send everybody away."""
        self.ending = self.ending or ending
        self._ring()

    def note_typing(self, who: object, *, on: bool) -> None:
        """Take note that somebody writes, or has stopped writing."""
        if self._typists.note(who, on=on):
            self._ring()
            self._own_bell.ring()

    def others_type(self, who: object) -> bool:
        """Say whether anybody else writes."""
        return self._typists.others(who)

    async def watch(self) -> None:
        """Read the session whenever it may have moved, until it ends."""
        with self._parts.store.listening(self.session_id) as self._own_bell:
            while self.ending is None:
                try:
                    await self._look()
                    await self._own_bell.rung(self._pause())
                except SessionNotFound:
                    self.end(Ended(Ending.SESSION_ENDED, ENDED))
                except StoreUnavailable as exc:
                    # Nobody can say how the runs are; silence counts from when it answers again.
                    self._silent = 0
                    await asyncio.sleep(exc.retry_after)

    def say_broken(self, task: "asyncio.Task[None]") -> None:
        """Send everybody away when the watch came to an unforeseen end."""
        if not task.cancelled() and task.exception() is not None:
            logger.error("chat.room_broken", exc_info=task.exception())
            self.end(Ended(Ending.TRY_LATER, "something went wrong here"))

    def _ring(self) -> None:
        for bell in self._bells:
            bell.ring()

    async def _look(self) -> None:
        """Read what moved: the session, then its log, then the draft of its run."""
        session = await self._parts.store.get(self.session_id, fresh=True)
        before = self.session
        if session is None or (before and session.incarnation != before.incarnation):
            raise SessionNotFound(self.session_id)
        moved = before is None or session.revision != before.revision
        if moved:
            await self.recent.read_on()
            self.owner = owner_of(self.recent.newest_reply())
            self.ratings = {rated.message_id: rated.value for rated in session.feedback}
        progress = await self._progress(session.run)
        self.session, self.progress = session, progress
        if progress is None:
            await self._exchange_typing(quiet=moved)
        await self._see_to_silence()
        self._ring()

    async def _exchange_typing(self, *, quiet: bool) -> None:
        """Hear who writes at other workers, unless it was something else that moved; tell them."""
        store = self._parts.store
        if self._typists.has_news():
            await store.keep_draft(self.session_id, self._typists.news())
        elif not quiet:
            self._typists.hear(await store.read_draft(self.session_id))

    async def _progress(self, mark: RunMark | None) -> Progress | None:
        number = self.recent.number
        if mark is None or self.recent.is_answered(mark.message_id):
            return None
        asked = self.recent.find(mark.message_id)
        draft = Draft.of(await self._parts.store.read_draft(self.session_id), run_id=mark.run_id)
        known = self.progress
        if draft is None and known and known.run_id == mark.run_id:
            # It is cleared once the answer is there, which the next look will show.
            draft = known.draft
        return Progress(
            number,
            mark.run_id,
            mark.message_id,
            asked.message.request_id if asked else None,
            mark.state,
            mark.reason,
            draft,
            mark.retryable,
        )

    # Silence

    def _pause(self) -> float:
        """Say for how long nothing need be looked at, if no bell rings."""
        if self._awaited():
            return LOOK_SECONDS
        left = (self.session.expires_at - datetime.now(UTC)).total_seconds() if self.session else 0
        if self.progress is None:
            left = min(left, self._typists.pause())
        return min(max(left, 0.02), QUIET_SECONDS)

    def _awaited(self) -> object:
        """Give what should move soon: a run's draft, or a message that waits for its run."""
        progress = self.progress
        if progress is not None and progress.state == "running":
            return progress.run_id, progress.draft and progress.draft.beat
        waiting = self._waiting()
        return waiting[0].message.id if waiting else None

    def _waiting(self) -> list[Entry]:
        """Give the messages that no run has begun with."""
        marked = self.progress.message_id if self.progress else None
        begun = self.session.begun if self.session else 0
        return self.recent.never_begun(marked, begun=begun)

    async def _see_to_silence(self) -> None:
        """Count looks that show no sign of life, and take up what was abandoned."""
        awaited, now = self._awaited(), asyncio.get_running_loop().time()
        if awaited is None or awaited != self._seen or self._parts.runs.runs(self.session_id):
            self._seen, self._silent, self._counted = awaited, 0, now
        elif now - self._counted >= LOOK_SECONDS * 0.9:
            self._silent, self._counted = self._silent + 1, now
            if self._silent >= PATIENCE:
                self._silent = 0
                await self._take_up()

    async def _take_up(self) -> None:
        """Mark a silent run as interrupted, or have a message answered that nobody answers."""
        progress = self.progress
        try:
            if progress is None or progress.state != "running":
                self._resume()
            elif progress.draft is None:
                # It may be one that keeps no drafts: only its lease tells whether it is alive.
                await self._parts.agent.examine(self.session_id)
            else:
                logger.warning("chat.run_abandoned")
                await self._parts.agent.take_over(self.session_id, progress.run_id)
        except LeaseLost:
            return

    def _resume(self) -> None:
        for entry in self._waiting():
            stored = entry.message.again()
            self._parts.runs.resume(self.session_id, stored, number=entry.number)


class Rooms:
    """The rooms of this process; a room is there as long as anybody is in it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rooms: dict[str, tuple[Room, asyncio.Task[None]]] = {}
        self._stopping = False

    def __len__(self) -> int:
        return sum(room.views for room, _ in self._rooms.values())

    @asynccontextmanager
    async def enter(self, session_id: str) -> AsyncGenerator[Room]:
        """Be in a conversation's room for the block.

        Raises:
            Ended: the service is stopping, or as many as may be are there already.
        """
        if self._stopping:
            raise _restarting()
        room, task = self._rooms.get(session_id) or self._open(session_id)
        if room.views >= MOST_VIEWS:
            raise Ended(Ending.TOO_MANY, "too many sockets for one conversation")
        room.views += 1
        try:
            yield room
        finally:
            room.views -= 1
            if not room.views:
                self._rooms.pop(session_id, None)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def stop(self) -> None:
        """Send everybody away, to come back when the service is there again."""
        self._stopping = True
        for room, _ in self._rooms.values():
            room.end(_restarting())

    def _open(self, session_id: str) -> tuple[Room, asyncio.Task[None]]:
        room = Room(session_id, self._parts)
        task = asyncio.create_task(room.watch(), name="holdfast-room")
        task.add_done_callback(room.say_broken)
        self._rooms[session_id] = room, task
        return room, task


def _restarting() -> Ended:
    return Ended(Ending.RESTARTING, "the service is stopping")
