"""What conversations stand on in this process: who runs them, who reads along."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from holdfast.server.conversation.rooms import Parts, Rooms
from holdfast.server.conversation.runs import Runs
from holdfast.server.service import Service


@dataclass(frozen=True, slots=True)
class Talk:
    """The parts, at work."""

    service: Service
    runs: Runs
    rooms: Rooms


@asynccontextmanager
async def open_talk(service: Service) -> AsyncGenerator[Talk]:
    """Let conversations go on for the block; runs that go on at its end have time to finish."""
    runs = Runs(service.agent)
    rooms = Rooms(Parts(service.store, service.agent, runs))
    try:
        yield Talk(service, runs, rooms)
    finally:
        rooms.stop()
        await runs.drain(seconds=service.settings.shutdown_seconds)


async def _talk(connection: HTTPConnection) -> Talk:
    return cast("Talk", connection.app.state.talk)


Talking = Annotated[Talk, Depends(_talk)]
