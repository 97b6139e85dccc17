"""google-adk: state and events a session; an event is one call, a change is an event."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from holdfast.benchmarking.contender import Call, Contender, Kept
from holdfast.benchmarking.peers import durable, redis_clients
from holdfast.benchmarking.work import (
    APPEND,
    CHANGE,
    INCREMENT,
    LIST,
    LISTED,
    READ,
    RECALL,
    RECALLED,
    RENEW,
    SPLIT_INCREMENT,
    messages,
)

# Copies of the one session that the service itself has written.
MORE_ROWS: Final = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})
INSERT INTO sessions (app_name, user_id, id, state, create_time, update_time)
SELECT app_name, user_id, 'filled-' || n, state, create_time, update_time FROM sessions, numbers
"""


class ADKSessions:
    """One service; each caller keeps the session object that it works on, as a runner does."""

    def __init__(
        self,
        service: Any,
        *,
        settings: str,
        fill: Callable[[int], Awaitable[None]] | None = None,
        app: str = "bench",
        lists: bool = True,
        busy: tuple[type[Exception], ...] = (),
    ) -> None:
        self._service = service
        self._fill = fill
        self._settings = settings
        self._owner = {"app_name": app, "user_id": "user"}
        events = import_module("google.adk.events")
        self._event: Any = events.Event
        self._actions: Any = events.EventActions
        self._content: Any = import_module("google.genai.types").Content
        self._config: Any = import_module(
            "google.adk.sessions.base_session_service"
        ).GetSessionConfig
        # What a caller is told whose write was not made.
        self._refused = (import_module("google.adk.errors").StaleSessionError, *busy)
        self._sessions: dict[str, Any] = {}
        self.calls: Mapping[str, Call] = {
            READ: self._read,
            CHANGE: self._change,
            INCREMENT: self._increment,
            SPLIT_INCREMENT: self._split_increment,
            APPEND: self._append,
            RECALL: self._recall,
            RENEW: self._renew,
        } | ({LIST: self._list} if lists else {})

    async def begin(self, session_ids: Sequence[str]) -> None:
        """Create these sessions, one after the other."""
        for session_id in session_ids:
            self._sessions[session_id] = await self._create(session_id)

    async def fill(self, sessions: int) -> None:
        """Hold this many sessions."""
        await self.begin(["filled-0"])
        if self._fill is not None:
            await self._fill(sessions)
        else:
            await self.begin([f"filled-{number}" for number in range(1, sessions)])

    async def kept(self, session_id: str) -> Kept:
        """Count events and look at the counter."""
        session = await self._service.get_session(session_id=session_id, **self._owner)
        return Kept(len(session.events) // 2, int(session.state.get("visits", 0)))

    async def settings(self) -> str:
        """Say when a write is durable."""
        return self._settings

    async def leave(self) -> None:
        """Delete the sessions of this run."""
        for session_id in self._sessions:
            await self._service.delete_session(session_id=session_id, **self._owner)

    async def _create(self, session_id: str) -> Any:
        state = {"topic": "none yet", "visits": 0}
        return await self._service.create_session(session_id=session_id, state=state, **self._owner)

    async def _get(self, session_id: str, *, events: int = 0) -> Any:
        config = self._config(num_recent_events=events)
        return await self._service.get_session(session_id=session_id, config=config, **self._owner)

    async def _read(self, session_id: str, number: int) -> bool:
        return await self._get(session_id) is not None

    async def _store(self, session: Any, **event: Any) -> bool:
        made = self._event(author="agent", invocation_id="bench", **event)
        try:
            await self._service.append_event(session, made)
        except self._refused:
            # What a caller does who is told so: it reads again before the next attempt.
            self._sessions[session.id] = await self._get(session.id)
            return False
        return True

    async def _change(self, session_id: str, number: int) -> bool:
        actions = self._actions(state_delta={"topic": f"topic {number}"})
        return await self._store(self._sessions[session_id], actions=actions)

    async def _increment(self, session_id: str, number: int) -> bool:
        session = await self._get(session_id)
        return await self._add_one(session)

    async def _split_increment(self, session_id: str, number: int) -> bool:
        session = await self._get(session_id)
        await asyncio.sleep(0)
        return await self._add_one(session)

    async def _add_one(self, session: Any) -> bool:
        actions = self._actions(state_delta={"visits": session.state["visits"] + 1})
        return await self._store(session, actions=actions)

    async def _append(self, session_id: str, number: int) -> bool:
        for message in messages(number):
            content = self._content(role=message["role"], parts=[{"text": message["content"]}])
            if not await self._store(self._sessions[session_id], content=content):
                return False
        return True

    async def _recall(self, session_id: str, number: int) -> bool:
        appended = await self._append(session_id, number)
        await self._get(session_id, events=RECALLED)
        return appended

    async def _renew(self, session_id: str, number: int) -> bool:
        renewed = f"{session_id}-renewed-{number}"
        await self._create(renewed)
        await self._service.delete_session(session_id=renewed, **self._owner)
        return True

    async def _list(self, session_id: str, number: int) -> bool:
        listed = await self._service.list_sessions(**self._owner)
        return len(listed.sessions[:LISTED]) == LISTED


@asynccontextmanager
async def open_memory(_: Path) -> AsyncGenerator[Contender]:
    """Open the service that keeps sessions in this process."""
    service = import_module("google.adk.sessions").InMemorySessionService()
    yield ADKSessions(service, settings="nothing outlives the process")


@asynccontextmanager
async def open_database(folder: Path) -> AsyncGenerator[Contender]:
    """Open the service on an SQLite file, which it would open without write-ahead logging."""
    engine = durable.engine(folder / "adk.db")
    module = import_module("google.adk.sessions.database_session_service")
    service = module.DatabaseSessionService(db_engine=engine)

    async def fill(sessions: int) -> None:
        async with engine.begin() as connection:
            await connection.exec_driver_sql(MORE_ROWS.format(last=sessions - 1))

    try:
        yield ADKSessions(
            service,
            settings=await durable.settings(engine),
            fill=fill,
            busy=(import_module("sqlalchemy.exc").OperationalError,),
        )
    finally:
        await engine.dispose()


@asynccontextmanager
async def open_redis(url: str, prefix: str, _: Path) -> AsyncGenerator[Contender]:
    """Open the service of google-adk-redis; what it keeps goes with the application's name."""
    kind = import_module("google_adk_redis").RedisMemorySessionService
    async with redis_clients.client(url) as client:
        service = kind(cache=client, expire=redis_clients.LIFETIME)
        contender = ADKSessions(
            service, settings=await redis_clients.settings(client), app=prefix, lists=False
        )
        try:
            yield contender
        finally:
            await contender.leave()
