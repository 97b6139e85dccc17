"""What one reader of a conversation was told, and what there is still to tell."""

from collections.abc import AsyncGenerator, Iterator

from holdfast.server.closing import Ended, Ending
from holdfast.server.conversation.admission import ENDED, may_read
from holdfast.server.conversation.rooms import Progress, Room
from holdfast.server.conversation.wire import (
    Delta,
    Escalated,
    Frame,
    MessageTold,
    Owner,
    RunFinished,
    RunInterrupted,
    RunStarted,
    Sources,
    Status,
    TextKey,
    TypingTold,
)
from holdfast.support import Bill, Source
from holdfast.support.messages import Entry


class _Told:
    """What the reader knows of one run."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.text = ""
        self.status: TextKey | None = None
        self.sources: tuple[Source, ...] = ()
        self.over = False


class View:
    """Reads along in a room, from a number on.

    Messages up to `replayed` were there when the reader came: of these nothing but the message is
    told, of later answers also how they came about. A run that was told of is told to its end. A
    visitor, who came with a secret (`secret_hash`), reads for as long as the session has one.
    """

    def __init__(self, room: Room, *, number: int, replayed: int, secret_hash: str | None) -> None:
        self._room = room
        self._number = number
        self._replayed = replayed
        self._secret_hash = secret_hash
        self._run: _Told | None = None
        self._owner: Owner | None = None
        self._typing = False

    async def frames(self, *, pause: float | None = None) -> AsyncGenerator[Frame | None]:
        """Tell everything as it comes; None when there was nothing for `pause` seconds.

        Raises:
            Ended: there is no more to read.
        """
        with self._room.listening() as bell:
            while True:
                async for frame in self._news():
                    yield frame
                if not await bell.rung(pause):
                    yield None

    def note_typing(self, *, on: bool) -> None:
        """Let the others know that this reader writes, or has stopped."""
        self._room.note_typing(self, on=on)

    async def _news(self) -> AsyncGenerator[Frame]:
        """Tell what the reader has not had; it may take its time, so the room moves meanwhile."""
        self._check()
        while self._number < self._room.recent.number:
            stretch = await self._room.recent.after(self._number)
            for entry in stretch.entries:
                for frame in self._entry(entry):
                    yield frame
                self._number = entry.number
                self._check()
            self._number = max(self._number, stretch.number)
        progress = self._room.progress
        # What is known of a run says nothing of messages behind those that it was read with.
        if progress is not None and self._number <= progress.number:
            for frame in self._progress(progress):
                yield frame
        if self._room.session is not None and self._room.owner != self._owner:
            self._owner = self._room.owner
            yield self._owner
        typing = self._room.others_type(self)
        if typing != self._typing:
            self._typing = typing
            yield TypingTold(on=self._typing)

    def _check(self) -> None:
        """Let nobody read on who may not any more."""
        if self._room.ending is not None:
            raise self._room.ending
        session = self._room.session
        if session is not None and not may_read(session, self._secret_hash):
            raise Ended(Ending.SESSION_ENDED, ENDED)

    def _entry(self, entry: Entry) -> Iterator[Frame]:
        kept = entry.message
        shown = entry.shown().model_copy(update={"rating": self._room.ratings.get(kept.id)})
        message = MessageTold(**dict(shown))
        run = self._told(kept.run_id) if kept.run_id else None
        if kept.run_id is None or (run is None and entry.number <= self._replayed):
            yield message
            return
        if run is None:
            run = self._begin(kept.run_id)
            asked = self._room.recent.find(kept.reply_to or "")
            yield RunStarted(
                run_id=run.run_id,
                request_id=asked.message.request_id if asked else None,
                message_id=kept.reply_to,
            )
        yield from self._sources(run, kept.sources)
        yield from self._text(run, kept.content)
        yield message
        if kept.ticket is not None:
            yield Escalated(ticket_id=kept.ticket.ticket_id, reasons=kept.ticket.reasons)
        told = {} if kept.bill == Bill() else dict(kept.bill)
        yield RunFinished(run_id=run.run_id, number=entry.number, **told)
        self._run = None

    def _progress(self, progress: Progress) -> Iterator[Frame]:
        run = self._told(progress.run_id)
        if run is None:
            run = self._begin(progress.run_id)
            yield RunStarted(
                run_id=run.run_id,
                request_id=progress.request_id,
                message_id=progress.message_id,
            )
        draft = progress.draft
        if draft is not None:
            if draft.status != run.status and progress.state == "running":
                run.status = draft.status
                yield Status(run_id=run.run_id, text_key=draft.status)
            yield from self._sources(run, draft.sources)
            yield from self._text(run, draft.text)
        if progress.state != "running" and not run.over:
            run.over = True
            yield RunInterrupted(
                run_id=run.run_id,
                retryable=progress.retryable,
                message_id=progress.message_id,
                detail=progress.reason or None,
            )

    def _told(self, run_id: str) -> _Told | None:
        return self._run if self._run and self._run.run_id == run_id else None

    def _begin(self, run_id: str) -> _Told:
        self._run = _Told(run_id)
        return self._run

    def _sources(self, run: _Told, sources: tuple[Source, ...]) -> Iterator[Frame]:
        if sources != run.sources:
            run.sources = sources
            yield Sources(run_id=run.run_id, sources=sources)

    def _text(self, run: _Told, text: str) -> Iterator[Frame]:
        """Tell what the text has grown by; all of it when it is not what was told, grown."""
        offset = len(run.text) if text.startswith(run.text) else 0
        if text != run.text:
            run.text = text
            yield Delta(run_id=run.run_id, offset=offset, text=text[offset:])
