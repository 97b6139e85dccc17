"""An engine that does as it is told, and remembers what it was asked."""

import asyncio
from collections.abc import Iterable

from holdfast.support import Answer, EngineFailed, Turn


class ScriptedEngine:
    """Answers "re: …" after `seconds`; each of `failures` ends one turn first."""

    def __init__(self, *, seconds: float = 0.0, failures: Iterable[EngineFailed] = ()) -> None:
        self.turns: list[Turn] = []
        self.at_once = 0
        self.most_at_once = 0
        self._seconds = seconds
        self._failures = list(failures)

    async def answer(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.at_once -= 1
        if self._failures:
            raise self._failures.pop(0)
        return Answer(text=f"re: {turn.text}")
