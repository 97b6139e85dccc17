"""A turn as the local engine reads it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from holdfast.support.engine import Turn
from holdfast.support.engines.bridging import Bridge
from holdfast.support.engines.small_talk import SmallTalk
from holdfast.support.facts import without

# How many of the visitor's messages before a follow-up are looked at with it.
CONTEXT = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to search for what is asked: in which words, and with what was said before.

    `bridged` says that the words are English ones, for a question in another language.
    """

    question: str
    before: tuple[str, ...] = ()
    bridged: bool = False


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What is asked, and how it hangs together with what was said before.

    `question` is what to search for: without what the visitor told of themselves, and where we
    `asked_back`, together with the message that it goes on from. `before` holds the visitor's last
    messages before it; it `leans` on them where it does not make sense alone.
    """

    question: str
    before: tuple[str, ...]
    asked_back: bool
    leans: bool

    @classmethod
    def of(cls, turn: Turn, small_talk: SmallTalk) -> "Dialogue":
        """Read a turn."""
        before = tuple(said.text for said in turn.history if said.by == "visitor")
        answered = next((said.text for said in reversed(turn.history) if said.by == "agent"), "")
        asked_back = bool(before) and small_talk.asked_back(answered)
        question = without(turn.text)
        return cls(
            question=f"{before[-1]} {question}" if asked_back else question,
            before=before[-CONTEXT:],
            asked_back=asked_back,
            leans=bool(before) and not asked_back and small_talk.follows_up(turn.text),
        )

    def readings(self, talk: SmallTalk, bridge: Bridge | None) -> Iterator[Reading]:
        """Give the ways to search, the likeliest first.

        With what was said before, if need be; without anger; in English words.
        """
        yield from self._readings(self.question, self.before)
        calm = talk.calm(self.question)
        if calm:
            yield from self._readings(calm, self.before)
        english = bridge.english(calm or self.question) if bridge else None
        if bridge and english:
            before = filter(None, map(bridge.english, self.before))
            for reading in self._readings(english, tuple(before)):
                yield replace(reading, bridged=True)

    def _readings(self, question: str, before: tuple[str, ...]) -> Iterator[Reading]:
        if not self.leans:
            yield Reading(question)
        if before or self.leans:
            yield Reading(question, before)

    @property
    def stands_alone(self) -> bool:
        """Whether nothing before it says what it is about."""
        return not self.leans and not self.asked_back
