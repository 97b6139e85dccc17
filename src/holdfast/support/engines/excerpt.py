"""The part of a passage that answers a question, in the words of the passage."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from holdfast.support.engines.wording import stems

SHORT: Final = 700
"""Characters up to which a passage is given whole."""

_STEP: Final = re.compile(r"(?m)^\d+\. ")
_ITEM: Final = re.compile(r"(?m)^(?:\d+\.|-) ")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?…])\s+")


def excerpt(text: str, question: str) -> str:
    """Choose what a question asks for; steps and lists stay whole, and the order stays."""
    if len(text) <= SHORT:
        return text
    blocks = list(_blocks(text))
    asked = stems(question)
    by_worth = sorted(range(len(blocks)), key=lambda place: -_worth(blocks[place], asked))
    chosen = [by_worth[0]]
    for place in by_worth[1:]:
        length = sum(len(blocks[other]) for other in chosen) + len(blocks[place])
        if length <= SHORT and _worth(blocks[place], asked):
            chosen.append(place)
    return _joined(blocks, sorted(chosen))


def has_steps(text: str) -> bool:
    """Say whether a text tells how to do something, step by step."""
    return len(_STEP.findall(text)) >= 2


def begins_with_list(text: str) -> bool:
    """Say whether the first thing of a text is an item of a list."""
    return _ITEM.match(text) is not None


def _blocks(text: str) -> Iterator[str]:
    """Split into lists (with the line that introduces each) and sentences."""
    introduction = ""
    for paragraph in text.split("\n\n"):
        if _ITEM.search(paragraph):
            yield f"{introduction}\n\n{paragraph}".strip()
            introduction = ""
            continue
        if introduction:
            yield introduction
        *sentences, introduction = _SENTENCE_END.split(paragraph)
        yield from sentences
        if not introduction.endswith(":"):
            yield introduction
            introduction = ""
    if introduction:
        yield introduction


def _joined(blocks: list[str], places: list[int]) -> str:
    parts = [blocks[places[0]]]
    for before, place in pairwise(places):
        listed = "\n" in blocks[place] or "\n" in blocks[before]
        parts.append(("\n\n" if listed else " ") + blocks[place])
    return "".join(parts)


def _worth(block: str, asked: set[str]) -> float:
    """Count the question's words in a block; length counts a little against it."""
    return len(asked & stems(block)) / (1 + len(block) / (4 * SHORT))
