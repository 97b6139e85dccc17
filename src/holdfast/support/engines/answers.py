"""Answers made of passages, word for word, with citations."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Final

from holdfast.support.engines.excerpt import begins_with_list, excerpt, has_steps
from holdfast.support.engines.findings import FoundPassage
from holdfast.support.engines.small_talk import SmallTalk
from holdfast.support.engines.wording import stems

# What another article must score, compared with the best passage, to be worth a look as well.
WORTH_A_LOOK: Final = 0.7
MOST_OTHERS: Final = 2
# How much a section must have of a question to be given in place of the article's beginning:
# about as much as one word of its heading that half of the sections hold.
TELLING: Final = 1.0
_NOT: Final = re.compile(r"\b(?:not|no|never|without|cannot)\b|n't\b")
_ASKS_HOW: Final = re.compile(r"\b(?:how (?!long|much|many|often)|what (?:can|do|should|must) i)\b")


def answer(
    question: str,
    found: Sequence[FoundPassage],
    article: Sequence[FoundPassage],
    *,
    talk: SmallTalk,
) -> str:
    """Answer from the best article, name it, and point to others worth a look."""
    told = _chosen(question, article or found[:1])
    texts = [_introduced(excerpt(passage["text"], question), passage) for passage in told]
    return "\n\n".join([*texts, _sources(told, _others(found), talk)])


def _introduced(text: str, passage: FoundPassage) -> str:
    """Put the heading of its section above a list that nothing introduces."""
    heading = passage["section"].rpartition(" > ")[2]
    return f"**{heading}**\n\n{text}" if heading and begins_with_list(text) else text


def _chosen(question: str, article: Sequence[FoundPassage]) -> list[FoundPassage]:
    """Choose the section that a question asks for; else the beginning, and the steps for a how."""
    worth = _worth(stems(question), article)
    turned = [_turned(passage["section"]) == _turned(question) for passage in article]
    best = max(range(len(article)), key=lambda place: (worth[place], turned[place], -place))
    if worth[best] >= TELLING and article[best]["section"]:
        return [article[best]]
    beginning = article[0]
    if has_steps(beginning["text"]) or not _ASKS_HOW.search(question.lower()):
        return [beginning]
    steps = next((passage for passage in article if has_steps(passage["text"])), None)
    return [beginning, steps] if steps else [beginning]


def _worth(asked: set[str], article: Sequence[FoundPassage]) -> list[float]:
    """Weigh the question's words in each section.

    A word that all sections hold tells nothing. What the article is called is what all of it is
    about: it tells only of a section that is called the same.
    """
    title = stems(article[0]["article"])
    sections = [(stems(passage["section"]), stems(passage["text"])) for passage in article]
    words = [heading | text for heading, text in sections]
    rarity = {stem: math.log2(len(words) / n) for stem in asked if (n := _holding(stem, words))}
    telling = [
        (heading, text) if heading and heading <= title else (heading - title, text - title)
        for heading, text in sections
    ]
    return [
        sum(rarity[stem] * ((stem in heading) + (stem in text)) for stem in rarity) / 2
        for heading, text in telling
    ]


def _turned(text: str) -> bool:
    """Say whether a text speaks of what is not so."""
    return _NOT.search(text.lower()) is not None


def _holding(stem: str, words: Iterable[set[str]]) -> int:
    return sum(stem in held for held in words)


def _others(found: Sequence[FoundPassage]) -> list[FoundPassage]:
    """Choose one passage each of other articles that score nearly as well."""
    best = found[0]
    articles: dict[str, FoundPassage] = {}
    for passage in found:
        if passage["article"] != best["article"]:
            if passage["score"] >= WORTH_A_LOOK * best["score"]:
                articles.setdefault(passage["article"], passage)
    return list(articles.values())[:MOST_OTHERS]


def _sources(told: Sequence[FoundPassage], others: Sequence[FoundPassage], talk: SmallTalk) -> str:
    marks = "".join(f"[{passage['number']}]" for passage in told)
    named = [(other["article"], other["number"]) for other in others]
    return talk.from_article(told[0]["article"], marks, named)
