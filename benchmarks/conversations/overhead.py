"""What a turn costs beside the engine's own time: its lease, its reads, its changes."""

import secrets
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from holdfast import Keyring, SessionStore, open_store
from holdfast.server.conversation.runs import Runs
from holdfast.server.model import ServiceSession
from holdfast.support import (
    Answer,
    EngineEvent,
    Finished,
    Incoming,
    SupportAgent,
    TextDelta,
    Turn,
)
from holdfast.support.knowledge import Knowledge

TEXT = "An answer of the length that answers have. " * 6


class Overhead(NamedTuple):
    """Milliseconds of a turn, and of storing a message until it is acknowledged over a socket."""

    store: str
    turns: int
    p50: float
    p95: float
    ack_p50: float
    ack_p95: float


class _Ready:
    """An engine that needs no time."""

    async def stream(self, turn: Turn) -> AsyncGenerator[EngineEvent]:
        yield TextDelta(TEXT)
        yield Finished(Answer(text=TEXT))


async def overhead(*, turns: int, store: str | None = None) -> Overhead:
    """Take turns one after another, each in a conversation of ten."""
    with tempfile.TemporaryDirectory() as folder:
        url = store or f"sqlite:///{folder}/sessions.db"
        opened: SessionStore[ServiceSession] = open_store(
            url, model=ServiceSession, keys=Keyring.generate(), sliding=True
        )
        with Knowledge(Path(folder) / "knowledge.db") as knowledge:
            async with opened as sessions:
                agent = SupportAgent(sessions, knowledge, _Ready())  # type: ignore[arg-type]
                runs = Runs(agent)
                waited = await _measure(sessions, runs, turns, acknowledged=False)
                sent = await _measure(sessions, runs, turns, acknowledged=True)
                name = sessions.backend.name
    return Overhead(
        name, turns, median(waited), quantiles(waited, n=20)[-1], median(sent),
        quantiles(sent, n=20)[-1],
    )  # fmt: skip


async def _measure(
    store: SessionStore[ServiceSession], runs: Runs, turns: int, *, acknowledged: bool
) -> list[float]:
    taken: list[float] = []
    session_id = ""
    for number in range(turns):
        if number % 10 == 0:
            session_id = (await store.create()).session_id
        incoming = Incoming(text="Go on.", client_message_id=secrets.token_hex(8))
        began = time.perf_counter()
        await (runs.send if acknowledged else runs.answer)(session_id, incoming)
        taken.append((time.perf_counter() - began) * 1000)
        if acknowledged:
            # The answer is made meanwhile: its time is that of the others.
            await runs.answer(session_id, incoming)
    return taken
