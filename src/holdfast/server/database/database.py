"""The application database, open for this process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from holdfast.server.database.connecting import WRITER, driver_options, driver_url, prepare
from holdfast.server.database.errors import DatabaseUnavailable, translated
from holdfast.server.database.location import database_file
from holdfast.server.database.migrating import VERSION_TABLE, migrate

CONNECTIONS: Final = 5
_HEALTH: Final = text(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a name of ours
PATIENCE: Final = 5.0


class Database:
    """Transactions on the application database: any number read, one at a time writes."""

    def __init__(self, engine: AsyncEngine, *, patience: float = PATIENCE) -> None:
        self._engine = engine
        self._patience = patience
        # Writers of this process line up here, and only with other processes at the file's lock.
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """Read within the block, all of it at one moment.

        Raises:
            DatabaseUnavailable: it did not answer.
        """
        with translated():
            async with self._engine.connect() as connection:
                yield connection

    async def check(self) -> None:
        """See that it answers, and is one.

        Raises:
            DatabaseUnavailable: it does not, or is none any more.
        """
        async with self.reading() as connection:
            await connection.execute(_HEALTH)

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """Write within the block: kept when it ends, and nothing of it when it raises.

        Raises:
            DatabaseUnavailable: it did not answer, or others wrote for too long.
        """
        with translated():
            async with self._own_turn(), self._engine.connect() as connection:
                await connection.execution_options(**WRITER)
                async with connection.begin():
                    yield connection

    @asynccontextmanager
    async def _own_turn(self) -> AsyncGenerator[None]:
        """Wait for the writers before this one; for all of them together, not for each."""
        try:
            async with asyncio.timeout(self._patience):
                await self._turn.acquire()
        except TimeoutError as exc:
            raise DatabaseUnavailable from exc
        try:
            yield
        finally:
            self._turn.release()


@asynccontextmanager
async def open_database(url: str, *, patience: float = PATIENCE) -> AsyncGenerator[Database]:
    """Open the application database, make it if it is not there, and bring it to this release.

    Any number of processes may do so at once. A transaction waits for `patience` seconds for other
    processes that write, and for a connection.

    Raises:
        ValueError: the URL names no SQLite file.
        InvalidDatabase: what it names cannot be used.
        DatabaseUnavailable: it did not answer.
    """
    path = database_file(url)
    await asyncio.to_thread(migrate, path)
    engine = create_async_engine(
        driver_url("sqlite+aiosqlite", path),
        connect_args=driver_options(patience=patience),
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=patience,
        # Errors are logged, and the values of a statement may be names or hashes.
        hide_parameters=True,
    )
    prepare(engine.sync_engine)
    try:
        yield Database(engine, patience=patience)
    finally:
        await engine.dispose()
