"""Where the trail is kept: one table of the application database."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.server.audit.chain import EMPTY, Chain, Entry, Head, Row
from holdfast.server.database import Database
from holdfast.server.database.tables import METADATA

PAGE: Final = 1000

AUDIT: Final = sa.Table(
    "holdfast_audit",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    *(sa.Column(name, sa.String) for name in Entry._fields),
    *(sa.Column(name, sa.String) for name in ("key_id", "previous", "hash")),
)
# As bytes: text that somebody damaged need not be text any more.
_READ: Final = (
    AUDIT.c.number,
    *(sa.cast(column, sa.LargeBinary).label(column.name) for column in list(AUDIT.c)[1:]),
)
_LAST: Final = sa.select(AUDIT.c.number, AUDIT.c.hash).order_by(AUDIT.c.number.desc()).limit(1)


class Ledger:
    """The rows of the trail: added behind the last one, read in order, and nothing else."""

    def __init__(self, database: Database, chain: Chain) -> None:
        self._database = database
        self._chain = chain

    async def append(self, entries: Sequence[Entry]) -> Head:
        """Add entries behind the last row, whichever process wrote it; all or none of them.

        Raises:
            DatabaseUnavailable: none of them was added.
        """
        async with self._database.writing() as connection:
            head = await _head(connection)
            rows: list[dict[str, Any]] = []
            for entry in entries:
                row = self._chain.link(entry, head)
                rows.append(_columns(row))
                head = Head(row.number, row.hash)
            await connection.execute(AUDIT.insert(), rows)
        return head

    async def head(self) -> Head:
        """Say where the trail ends now."""
        async with self._database.reading() as connection:
            return await _head(connection)

    async def has(self, head: Head) -> bool:
        """Say whether the trail once ended like this."""
        hash_there = sa.select(AUDIT.c.hash).where(AUDIT.c.number == head.rows)
        async with self._database.reading() as connection:
            return head == EMPTY or await connection.scalar(hash_there) == head.hash

    async def rows(self, *, after: int = 0) -> AsyncIterator[Row]:
        """Read all rows behind one in order, a page at a time."""
        while page := await self._page(after):
            for row in page:
                yield row
            after = page[-1].number

    async def _page(self, after: int) -> list[Row]:
        chosen = sa.select(*_READ).where(AUDIT.c.number > after).order_by(AUDIT.c.number)
        async with self._database.reading() as connection:
            found = await connection.execute(chosen.limit(PAGE))
            return [_row(columns) for columns in found.mappings()]


async def _head(connection: AsyncConnection) -> Head:
    last = (await connection.execute(_LAST)).one_or_none()
    return EMPTY if last is None else Head(last.number, last.hash)


def _columns(row: Row) -> dict[str, Any]:
    columns = row._asdict()
    return {**columns.pop("entry")._asdict(), **columns}


def _row(columns: sa.RowMapping) -> Row:
    read = {name: _text(columns[name]) for name in AUDIT.c.keys()[1:]}
    entry = Entry(**{name: read.pop(name) for name in Entry._fields})
    return Row(columns["number"], entry, **read)


def _text(column: bytes | None) -> Any:
    """Read a column; damage stays visible as another text."""
    return None if column is None else column.decode("utf-8", "replace")
