"""A trail in a database of its own, for a test or for one of several processes."""

import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast import Keyring, SessionStore, SupportSession, open_store
from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.server.audit import Trail, open_trail
from holdfast.server.audit.anchor import Anchor
from holdfast.server.audit.chain import Chain, Head
from holdfast.server.audit.checking import Verdict, check
from holdfast.server.audit.ledger import Ledger
from holdfast.server.database import Database, open_database
from tests.security.processes import KEYS

GUARDS = ("holdfast_audit_no_UPDATE", "holdfast_audit_no_DELETE")


@dataclass
class Place:
    """Where a trail is: the file of the database, and the store of its anchor."""

    file: Path
    store_url: str

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    @asynccontextmanager
    async def opened(
        self, keys: Keyring = KEYS
    ) -> AsyncGenerator[tuple[Database, SessionStore[SupportSession]]]:
        async with (
            open_database(self.url) as database,
            open_store(self.store_url, model=SupportSession, keys=keys) as store,
        ):
            yield database, store

    @asynccontextmanager
    async def trail(
        self, keys: Keyring = KEYS, *, clock: Clock = SYSTEM_CLOCK
    ) -> AsyncGenerator[Trail]:
        async with (
            self.opened(keys) as (database, store),
            open_trail(database, store, keys, clock=clock) as trail,
        ):
            yield trail

    async def verdict(self, keys: Keyring = KEYS, *anchors: Head) -> Verdict:
        """Check the trail with the anchor of the store, unless others are given."""
        chain = Chain(keys, namespace="default")
        async with self.opened(keys) as (database, store):
            kept = anchors or (await Anchor(store, keys).read(),)
            return await check(Ledger(database, chain).rows(), chain, anchors=kept)

    @contextmanager
    def forced(self) -> Generator[sqlite3.Connection]:
        """Write to the file as somebody does who may do everything with it."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            made = "SELECT sql FROM sqlite_master WHERE type = 'trigger'"
            saved = [str(sql) for (sql,) in connection.execute(made)]
            for guard in GUARDS:
                connection.execute(f"DROP TRIGGER {guard}")
            yield connection
            for sql in saved:
                connection.execute(sql)


Damage = Callable[[sqlite3.Connection], object]
