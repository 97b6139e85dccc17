"""An engine without a model: it searches, and answers in the words of what it found.

It needs no key and no network.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, Self

from holdfast.support.engine import (
    Answer,
    EngineEvent,
    Finished,
    SourcesCited,
    TextDelta,
    ToolFinished,
    ToolStarted,
    Turn,
    collect,
)
from holdfast.support.engines.answers import answer
from holdfast.support.engines.bridging import BRIDGED, Bridge
from holdfast.support.engines.dialogue import Dialogue, Reading
from holdfast.support.engines.failing import failure
from holdfast.support.engines.findings import FoundPassage, SearchResult, article, search_result
from holdfast.support.engines.pieces import pieces
from holdfast.support.engines.small_talk import SmallTalk
from holdfast.support.engines.telling import answer_of
from holdfast.support.engines.tools import read_article, search_knowledge
from holdfast.support.facts import heard, without
from holdfast.support.knowledge import KnowledgeUnavailable
from holdfast.support.languages import LANGUAGES, Language

SEARCH: Final = search_knowledge.__name__
READ: Final = read_article.__name__
# What other articles must score, compared with the best, so that any of them may be meant.
ALIKE: Final = 0.7


class LocalEngine:
    """Answers with excerpts, cited. Open it with `async with`."""

    def __init__(self) -> None:
        self._small_talk: dict[Language, SmallTalk] = {
            language: SmallTalk(language) for language in LANGUAGES
        }
        self._bridges = {language: Bridge(language) for language in BRIDGED}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        return

    async def answer(self, turn: Turn) -> Answer:
        """Wait for the whole answer; see `collect`."""
        return await collect(self, turn)

    async def stream(self, turn: Turn) -> AsyncGenerator[EngineEvent]:
        """Answer one turn, event by event; see `ChatEngine`."""
        talk, bridge = self._small_talk[turn.language], self._bridges.get(turn.language)
        events = _Answering(turn, talk, bridge).events()
        try:
            for event in events:
                yield event
                if isinstance(event, ToolStarted):
                    # A search takes a moment, in which nobody else has a turn.
                    await asyncio.sleep(0)
        except KnowledgeUnavailable as exc:
            yield failure(exc, timeout=0, begun=False)


class _Answering:
    """Makes one answer."""

    def __init__(self, turn: Turn, small_talk: SmallTalk, bridge: Bridge | None) -> None:
        self._turn = turn
        self._talk = small_talk
        self._bridge = bridge
        self._dialogue = Dialogue.of(turn, small_talk)

    def events(self) -> Iterator[EngineEvent]:
        talk = self._small_talk()
        if talk is not None:
            yield from self._told(talk)
        elif self._names_nothing():
            yield from self._told(self._talk.which_subject, asks_back=True)
        else:
            yield from self._looked_up()

    def _small_talk(self) -> str | None:
        """Answer what needs no search."""
        talk = self._talk.answer(self._turn.text)
        if talk is None and not self._dialogue.asked_back:
            told = heard(self._turn.text, now=datetime.now(UTC))
            talk = self._talk.note(without(self._turn.text), told)
        return talk

    def _names_nothing(self) -> bool:
        dialogue = self._dialogue
        return not dialogue.leans and not self._talk.has_subject(dialogue.question)

    def _looked_up(self) -> Iterator[EngineEvent]:
        """Search in one way after another until something answers."""
        for reading in self._dialogue.readings(self._talk, self._bridge):
            found = yield from self._search(reading)
            if titles := self._meant(reading, found):
                yield from self._told(self._talk.ask_which(titles), asks_back=True)
                return
            if found["sufficient"] and found["passages"]:
                yield from self._read(reading, found["passages"])
                return
        yield from self._told(self._led(self._talk.declined, self._sorry()))

    def _search(self, reading: Reading) -> Generator[EngineEvent, None, SearchResult]:
        yield ToolStarted(SEARCH)
        found = self._turn.library.search(reading.question, context=reading.before)
        yield ToolFinished(SEARCH)
        return search_result(found)

    def _read(self, reading: Reading, found: Sequence[FoundPassage]) -> Iterator[EngineEvent]:
        """Answer from the article of the best passage."""
        yield ToolStarted(READ)
        whole = article(self._turn.library.read(found[0]["number"]))["article"]
        yield ToolFinished(READ)
        order = self._talk.lead(self._dialogue.question, self._turn.facts)
        bridged = self._talk.bridged if reading.bridged else None
        told = answer(reading.question, found, whole, talk=self._talk)
        yield from self._told(self._led(told, self._sorry(), order, bridged))

    def _sorry(self) -> str | None:
        return self._talk.sorry if self._talk.is_angry(self._dialogue.question) else None

    def _led(self, told: str, *leads: str | None) -> str:
        return "\n\n".join([*filter(None, leads), told])

    def _told(self, text: str, *, asks_back: bool = False) -> Iterator[EngineEvent]:
        cited = self._turn.library.cite(text)
        yield from map(TextDelta, pieces(cited.text))
        if cited.sources:
            yield SourcesCited(cited.sources)
        yield Finished(answer_of(cited, self._turn.library, asks_back=asks_back))

    def _meant(self, reading: Reading, found: SearchResult) -> list[str]:
        """Give the articles that a vague question may mean, cited, unless one stands out."""
        passages, dialogue = found["passages"], self._dialogue
        if (
            reading.before
            or not dialogue.stands_alone
            or not self._talk.is_vague(dialogue.question)
        ):
            return []
        near = [one for one in passages if one["score"] >= ALIKE * passages[0]["score"]]
        titles: dict[str, str] = {}
        for one in near:
            titles.setdefault(one["article"], f"{one['article']} [{one['number']}]")
        if len(titles) < self._talk.fewest_articles:
            return []
        return list(titles.values())[: self._talk.most_named]
