"""Anchors as GitHub makes them from headings."""

import re
from collections import Counter


class Slugs:
    """Gives each heading of one document its own anchor: `returns`, `returns-1`, and so on."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._seen: Counter[str] = Counter()

    def take(self, heading: str) -> str:
        """Make the next free anchor for a heading."""
        slug = candidate = slugify(heading)
        while candidate in self._taken:
            self._seen[slug] += 1
            candidate = f"{slug}-{self._seen[slug]}"
        self._taken.add(candidate)
        return candidate


def slugify(text: str) -> str:
    """Lower the case, drop punctuation, and join the words with hyphens."""
    kept = re.sub(r"[^\w\s-]", "", text.strip().lower())
    return re.sub(r"\s", "-", kept) or "section"
