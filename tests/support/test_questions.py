"""Thirty questions, written by somebody who knew the titles of the shipped articles only.

They are the measure, not the material: nothing may be tuned to them.
"""

import json
from pathlib import Path
from typing import NamedTuple

from holdfast import InMemorySessionStore, SupportSession
from holdfast.support import AgentResponse, SupportAgent
from holdfast.support.engines import open_engine
from holdfast.support.knowledge import Knowledge

QUESTIONS = Path(__file__).with_name("questions.json")
REQUIRED = 27


class Asked(NamedTuple):
    """A question and the titles that answer it; none when it is to be declined."""

    question: str
    titles: tuple[str, ...]

    def ends_right(self, answer: AgentResponse) -> bool:
        if not self.titles:
            return not answer.sources and answer.metadata["outcome"] == "declined"
        return bool(answer.sources) and answer.sources[0].title in self.titles


def asked() -> list[Asked]:
    written = json.loads(QUESTIONS.read_text(encoding="utf-8"))
    return [
        *(Asked(one["question"], (one["title"], *one["also"])) for one in written["answerable"]),
        *(Asked(one["question"], ()) for one in written["unanswerable"]),
    ]


async def test_thirty_questions_end_right(articles: Knowledge) -> None:
    """At least 27 of 30 are answered from the right article first, or declined."""
    failed: list[str] = []
    async with InMemorySessionStore(model=SupportSession) as store, open_engine() as engine:
        agent = SupportAgent(store, articles, engine)
        for one in asked():
            session = await store.create()
            answer = await agent.process_message(session.session_id, one.question)
            if not one.ends_right(answer):
                given = answer.sources[0].title if answer.sources else answer.metadata["outcome"]
                failed.append(f"{one.question}\n    wanted {one.titles}, given {given}")
    print(f"{30 - len(failed)} of 30 end right; failed:", *failed, sep="\n  ")
    assert len(asked()) == 30
    assert 30 - len(failed) >= REQUIRED, failed


async def test_known_titles_only(articles: Knowledge) -> None:
    """Every title that a question names is the title of a shipped article."""
    titles = {document.title for document in articles.documents()}
    assert {title for one in asked() for title in one.titles} <= titles
