"""The breakers of one backend: one for the whole of it, and one for each part that answers alone.

A node of a cluster that is dead must not take with it those that are well, and its own failures
must not vanish among their answers.
"""

from collections.abc import Callable
from typing import Final

from holdfast.breaker import Breaker, State

# More parts than this are not told apart for long: the one that was met first is forgotten.
MOST_PARTS: Final = 256


class Breakers:
    """Makes a breaker for each part when it is first asked; `on_move` is told of which it is."""

    def __init__(self, on_move: Callable[[str, State], None]) -> None:
        self._on_move = on_move
        self._parts: dict[str, Breaker] = {}
        self._opened_before = 0

    def __len__(self) -> int:
        return len(self._parts)

    def of(self, part: str) -> Breaker:
        """Give the breaker of a part."""
        breaker = self._parts.get(part)
        if breaker is None:
            if len(self._parts) >= MOST_PARTS:
                self._forget(next(iter(self._parts)))
            breaker = self._parts[part] = Breaker(on_move=lambda state: self._on_move(part, state))
        return breaker

    @property
    def opened(self) -> int:
        """How often one of them opened."""
        return self._opened_before + sum(breaker.opened for breaker in self._parts.values())

    @property
    def refusing(self) -> int:
        """How many are open or half open; those that nobody has asked for long are forgotten."""
        for part in [part for part, breaker in self._parts.items() if breaker.abandoned]:
            self._forget(part)
        return sum(breaker.state != "closed" for breaker in self._parts.values())

    def _forget(self, part: str) -> None:
        breaker = self._parts.pop(part)
        self._opened_before += breaker.opened
        if breaker.state != "closed":
            self._on_move(part, "closed")
