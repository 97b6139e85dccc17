"""What conversations stand on in this process: who runs them, who reads along."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from holdfast.server.conversation.rooms import Parts, Rooms
from holdfast.server.conversation.runs import Runs
from holdfast.server.conversation.wire import Welcome
from holdfast.server.model import ServiceSession
from holdfast.server.service import Service
from holdfast.server.sockets import Places

# Of the time to stop in; the rest is for marking what did not end, and for closing the store.
FOR_RUNS: Final = 0.9


@dataclass(frozen=True, slots=True)
class Talk:
    """The parts, at work."""

    service: Service
    runs: Runs
    rooms: Rooms
    places: Places

    def stop(self) -> None:
        """Send readers away to come back later, and let runs come to their end."""
        self._stop()

    async def stopped(self) -> None:
        """Stop, and wait for the end of all runs."""
        await self._stop()

    def _stop(self) -> "asyncio.Task[None]":
        self.rooms.stop()
        return self.runs.stop(seconds=FOR_RUNS * self.service.settings.shutdown_seconds)

    def welcome(self, session: ServiceSession, last_number: int) -> Welcome:
        """Greet a reader."""
        return Welcome(
            session_id=session.session_id,
            last_number=last_number,
            expires_at=session.expires_at,
            heartbeat_seconds=self.service.settings.websocket_ping_seconds,
        )


@asynccontextmanager
async def open_talk(service: Service, places: Places) -> AsyncGenerator[Talk]:
    """Let conversations go on for the block; runs that go on at its end have time to finish."""
    runs = Runs(service.agent)
    rooms = Rooms(Parts(service.store, service.agent, runs))
    talk = Talk(service, runs, rooms, places)
    try:
        yield talk
    finally:
        await talk.stopped()


async def _talk(connection: HTTPConnection) -> Talk:
    return cast("Talk", connection.app.state.talk)


Talking = Annotated[Talk, Depends(_talk)]
