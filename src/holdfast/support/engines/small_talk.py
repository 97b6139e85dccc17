"""What needs no search: greetings, thanks, goodbyes; and what needs the messages before it.

There is a data file for each language.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from holdfast.session import Fact
from holdfast.support.escalation.wordlists import Phrases
from holdfast.support.facts import newest
from holdfast.support.languages import Language

FILES: Final[Mapping[Language, str]] = {"en": "small_talk.toml", "de": "small_talk.de.toml"}
_WORDS: Final = re.compile(r"[\w']+")
# What stands between the parts of a message.
_PARTS: Final = re.compile(r"[,.;:!?\n]|\s[-\u2013]\s")
# Words of a message beside those that name no subject.
_ONE_SUBJECT: Final = 1


class SmallTalk:
    """Reads the data file of a language, beside this module."""

    def __init__(self, language: Language = "en") -> None:
        text = (files("holdfast.support.engines") / FILES[language]).read_text(encoding="utf-8")
        data: dict[str, Any] = tomllib.loads(text)
        self._texts: dict[str, str] = data["answers"]
        self._answers: dict[str, str] = {
            said: talk["answer"] for talk in data["talk"] for said in talk["said"]
        }
        self._facts: dict[str, str] = data["facts"]
        follow_up = data["follow_up"]
        self._most_words: int = follow_up["words"]
        self._begins = tuple(f"{word} " for word in follow_up["begins"])
        self._holds = frozenset(follow_up["holds"])
        self._vague = frozenset(data["vague"]["words"])
        self._nothing = frozenset(data["nothing"]["words"])
        self._told = frozenset(data["told"]["words"])
        self._order = frozenset(data["order"]["words"])
        self._anger = Phrases(data["anger"]["words"])
        self.fewest_articles: int = data["vague"]["articles"]
        self.most_named: int = data["vague"]["named"]

    @property
    def declined(self) -> str:
        """What is said when nothing was found."""
        return self._texts["declined"]

    @property
    def bridged(self) -> str | None:
        """What is said before an answer in English to a question that is not."""
        return self._texts.get("bridged")

    @property
    def sorry(self) -> str:
        """What is said first to those who are angry."""
        return self._texts["sorry"]

    def is_angry(self, message: str) -> bool:
        """Say whether a message complains in strong words."""
        return bool(self._anger.found(_plain(message)))

    def calm(self, message: str) -> str | None:
        """Leave out the angry parts of a message; None where nothing was, or would be left."""
        parts = [part for part in _PARTS.split(message) if _plain(part)]
        calm = [part.strip() for part in parts if not self.is_angry(part)]
        if len(calm) == len(parts) or not any(map(self.has_subject, calm)):
            return None
        return ". ".join(calm)

    @property
    def which_subject(self) -> str:
        """What is asked when a message names no subject at all."""
        return f"{self._texts['unclear']}: {self._texts['subjects']}"

    def answer(self, message: str) -> str | None:
        """Answer a message that is small talk and nothing else; of several parts, the last."""
        if (whole := self._answers.get(_plain(message))) is not None:
            return whole
        parts = filter(None, map(_plain, _PARTS.split(message)))
        answers = [self._answers.get(part) for part in parts]
        return answers[-1] if answers and None not in answers else None

    def follows_up(self, message: str) -> bool:
        """Say whether a message may lean on what was said before it."""
        said = _plain(message)
        words = said.split()
        leans = said.startswith(self._begins) or not self._holds.isdisjoint(words)
        return len(words) <= self._most_words and leans

    def is_vague(self, message: str) -> bool:
        """Say whether a message names one subject at most, and not what is asked about it."""
        return len(self._subjects(message)) <= _ONE_SUBJECT

    def has_subject(self, message: str) -> bool:
        """Say whether a message names anything."""
        return bool(self._subjects(message) - self._nothing)

    def ask_which(self, titles: Sequence[str]) -> str:
        """Ask which of several articles is meant; each title comes with its citation."""
        lines = "\n".join(f"- {title}" for title in titles)
        return f"{self._texts['unclear']}? {self._texts['such_as']}:\n\n{lines}"

    def asked_back(self, text: str) -> bool:
        """Say whether a text of ours asked what was meant."""
        return text.startswith(self._texts["unclear"])

    def note(self, rest: str, told: Sequence[Fact]) -> str | None:
        """Acknowledge a message that only tells something; `rest` is what else it says."""
        if not told or not set(_plain(rest).split()) <= self._told:
            return None
        named = (f"{self._facts[fact.kind]} {fact.value}" for fact in told)
        facts = self._texts["and"].join(named)
        return self._texts["noted"].format(facts=facts)

    def lead(self, question: str, facts: Sequence[Fact]) -> str | None:
        """Say what is known of the visitor's order, before an answer that may be about it."""
        order = newest(facts, "order")
        if order is None or self._order.isdisjoint(_plain(question).split()):
            return None
        return self._texts["order"].format(order=order)

    def from_article(self, article: str, marks: str, others: Sequence[tuple[str, int]]) -> str:
        """Say which article an answer is from, and which others there are, by title and number."""
        line = self._texts["from"].format(article=article, marks=marks)
        if not others:
            return line
        title = self._texts["title"]
        named = ", ".join(title.format(article=other, number=number) for other, number in others)
        return line + self._texts["also"].format(named=named)

    def _subjects(self, message: str) -> set[str]:
        words = {word for word in _plain(message).split() if len(word) > 1 and not word.isdigit()}
        return words - self._vague


def _plain(message: str) -> str:
    """Leave only words, in lower case."""
    return " ".join(_WORDS.findall(message.lower().replace("\u2019", "'")))
