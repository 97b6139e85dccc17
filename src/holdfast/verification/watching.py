"""Callers that watch sessions while others change them, every step written down."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Final

from holdfast.errors import HoldfastError
from holdfast.testing.histories import Call, Recorder, Reply
from holdfast.testing.histories.calls import Store
from holdfast.testing.histories.events import monotonic
from holdfast.testing.histories.recording import reply_of

# How long a watcher is busy with what it was told, at most.
BUSY: Final = 0.02
# Pauses before a session that was not there, or a store that did not answer, is watched again.
PAUSE: Final = 0.05
# How long a watch may take to tell of what was acknowledged: so many waits of a tenth of a second,
# counted one by one, so that a process that stood still meanwhile has not waited.
PATIENCE: Final = 60


class Watcher:
    """Watches one session after another."""

    def __init__(
        self, store: Store, recorder: Recorder, name: str, session_ids: Sequence[str], *, seed: str
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._name = name
        self._session_ids = session_ids
        self._dice = random.Random(f"{seed}/{name}")
        self._session = ""
        self._watches = 0
        self._after = 0
        self._step = 0

    async def keep_watching(self) -> None:
        """Watch until cancelled."""
        while True:
            self._session = self._dice.choice(self._session_ids)
            self._watches += 1
            self._after = 0
            watch = self._store.watch(self._session)
            try:
                told = await self._watch(watch, f"{self._name}#{self._watches}")
            finally:
                if isinstance(watch, AsyncGenerator):
                    await watch.aclose()
            if not told:
                await asyncio.sleep(PAUSE)

    async def _watch(self, watch: AsyncIterator[int], name: str) -> bool:
        """Watch one session to its end; False when it told nothing."""
        while True:
            call = Call("watch", self._session, {"watch": name, "after": self._after})
            self._step = self._recorder.begin(self._name, call)
            revision = await self._revision(watch)
            self._step = 0
            if revision is None:
                return self._after > 0
            self._after = revision
            await asyncio.sleep(BUSY * self._dice.random())

    async def _revision(self, watch: AsyncIterator[int]) -> int | None:
        """Make one step; None when that was the last."""
        try:
            revision = await anext(watch)
        except StopAsyncIteration:
            self._recorder.end(self._step, Reply("ok", {"ended": True}))
        except HoldfastError as exc:
            self._recorder.end(self._step, reply_of(exc))
        else:
            self._recorder.end(self._step, Reply("ok", {"revision": revision}))
            return revision
        return None

    async def leave(self, watching: "asyncio.Task[None]") -> None:
        """Wait until what is known now was told, or as long as patience lasts; then stop."""
        # Whatever was acknowledged before this moment is seen by the read that follows.
        since: int | None = monotonic()
        try:
            found = await self._store.get(self._session, fresh=True)
        except HoldfastError:
            # Nobody can say what should be told.
            since = None
        else:
            await self._be_patient(watching, found.revision if found else None)
        watching.cancel()
        await asyncio.wait([watching])
        if self._step:
            waited = Reply("unknown") if since is None else Reply("ok", {"waiting": since})
            self._recorder.end(self._step, waited)

    async def _be_patient(self, watching: "asyncio.Task[None]", revision: int | None) -> None:
        watch = self._watches
        for _ in range(PATIENCE):
            told = revision is not None and self._after >= revision
            if told or self._watches > watch or watching.done():
                return
            await asyncio.sleep(0.1)
