"""An engine that does as it is told, and remembers what it was asked."""

import asyncio
from collections.abc import AsyncGenerator, Iterable

from holdfast.support import Answer, EngineEvent, Failed, Finished, TextDelta, Turn


class ScriptedEngine:
    """Answers "re: …" in two pieces after `seconds`; each of `failures` ends one turn first."""

    def __init__(self, *, seconds: float = 0.0, failures: Iterable[Failed] = ()) -> None:
        self.turns: list[Turn] = []
        self.at_once = 0
        self.most_at_once = 0
        self._seconds = seconds
        self._failures = list(failures)

    async def stream(self, turn: Turn) -> AsyncGenerator[EngineEvent]:
        self.turns.append(turn)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self._seconds)
            yield TextDelta("re: ")
            if self._failures:
                yield self._failures.pop(0)
                return
            yield TextDelta(turn.text)
            yield Finished(Answer(text=f"re: {turn.text}"))
        finally:
            self.at_once -= 1
