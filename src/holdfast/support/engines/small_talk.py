"""What needs no search: greetings, thanks, goodbyes; and what needs the messages before it."""

import re
import tomllib
from importlib.resources import files
from typing import Final

_WORDS: Final = re.compile(r"[\w']+")


class SmallTalk:
    """Reads the data file beside this module."""

    def __init__(self) -> None:
        text = (files("holdfast.support.engines") / "small_talk.toml").read_text(encoding="utf-8")
        data = tomllib.loads(text)
        self.declined: str = data["answers"]["declined"]
        self._answers: dict[str, str] = {
            said: talk["answer"] for talk in data["talk"] for said in talk["said"]
        }
        follow_up = data["follow_up"]
        self._most_words: int = follow_up["words"]
        self._begins = tuple(f"{word} " for word in follow_up["begins"])
        self._holds = frozenset(follow_up["holds"])

    def answer(self, message: str) -> str | None:
        """Answer a message that is small talk and nothing else."""
        return self._answers.get(_plain(message))

    def follows_up(self, message: str) -> bool:
        """Say whether a message may lean on what was said before it."""
        said = _plain(message)
        words = said.split()
        leans = said.startswith(self._begins) or not self._holds.isdisjoint(words)
        return len(words) <= self._most_words and leans


def _plain(message: str) -> str:
    """Leave only words, in lower case."""
    return " ".join(_WORDS.findall(message.lower().replace("\u2019", "'")))
