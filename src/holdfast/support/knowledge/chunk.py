"""Chunks as the search reads them, and those that were read lately."""

import json
import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from holdfast.support.knowledge.catalogue import passage
from holdfast.support.knowledge.document import Passage
from holdfast.support.knowledge.imprint import Imprint
from holdfast.support.knowledge.statements import statement
from holdfast.support.knowledge.vocabulary import Vocabulary

_MOST_KEPT = 2_000


@dataclass(frozen=True, slots=True)
class Chunk:
    passage: Passage
    imprint: Imprint


class Chunks:
    """Reads chunks over one connection and remembers them.

    A chunk is never changed and its number never given to another, so what is remembered cannot be
    out of date, whoever writes to the file.
    """

    def __init__(self, connection: sqlite3.Connection, vocabulary: Vocabulary) -> None:
        self._connection = connection
        self._vocabulary = vocabulary
        self._sql = statement("show_chunks")
        self._kept: OrderedDict[int, Chunk] = OrderedDict()

    def read(self, numbers: Sequence[int]) -> list[Chunk]:
        """Give the chunks that have these numbers, in their order."""
        self._load(number for number in numbers if number not in self._kept)
        for number in numbers:
            self._kept.move_to_end(number)
        found = [self._kept[number] for number in numbers]
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return found

    def _load(self, numbers: Iterable[int]) -> None:
        values = {"numbers": json.dumps(list(numbers))}
        for number, *columns, keywords in self._connection.execute(self._sql, values):
            found = passage(columns)
            self._kept[number] = Chunk(found, self._imprint(found, keywords))

    def _imprint(self, found: Passage, keywords: str) -> Imprint:
        stems = self._vocabulary.stems
        return Imprint.of(
            title=stems(found.title),
            headings=stems(" ".join(found.heading_path)),
            keywords=[stems(keyword) for keyword in keywords.split(",")],
            body=stems(found.text),
        )
