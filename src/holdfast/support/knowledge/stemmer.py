"""Words as the index keeps them."""

import sqlite3
import threading
from collections.abc import Iterable, Mapping

_MOST_KEPT = 50_000


class Stemmer:
    """Asks SQLite's own tokenizer, so that stems cannot differ from those in the index.

    Stems are kept, since nearly all words come again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stems: dict[str, str] = {}
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.execute(
            "CREATE VIRTUAL TABLE words USING fts5 "
            "(word, content = '', tokenize = 'porter unicode61')"
        )
        self._connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab (words, instance)")

    def close(self) -> None:
        self._connection.close()

    def stems(self, words: Iterable[str]) -> Mapping[str, str]:
        """Give the stem of each word; a word that the index would not keep is left out."""
        wanted = dict.fromkeys(words)
        with self._lock:
            self._learn([word for word in wanted if word not in self._stems])
            found = {word: self._stems[word] for word in wanted}
            if len(self._stems) > _MOST_KEPT:
                self._stems.clear()
        return {word: stem for word, stem in found.items() if stem}

    def _learn(self, words: list[str]) -> None:
        if not words:
            return
        self._stems.update(dict.fromkeys(words, ""))
        self._connection.executemany(
            "INSERT INTO words (rowid, word) VALUES (?, ?)", enumerate(words)
        )
        for number, stem in self._connection.execute("SELECT doc, term FROM terms"):
            self._stems[words[number]] = stem
        self._connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
