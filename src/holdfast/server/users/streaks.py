"""Wrong passwords in a row, of each user: no more than a hundred (NIST SP 800-63B-4, 3.2.2).

Time forgives none of them. A right password ends the row, and so does whoever manages users, with
a new password or by letting the user sign in again. The last ones are for devices that the user has
signed in on before: strangers can use up their own share alone, and lock no owner out of those.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.server.database.database import Database
from holdfast.server.users.tables import STREAKS

MOST_IN_A_ROW: Final = 100
FOR_STRANGERS: Final = 80
_NOBODY: Final = ""


class Streaks:
    """Counts tries before their passwords are looked at, so that none passes beside another."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, user_id: str | None, *, known_device: bool) -> bool:
        """Count a try, and say whether its password may be looked at; None is nobody.

        What may not be looked at is counted as nobody's, so that all tries take the same time.
        """
        most = MOST_IN_A_ROW if known_device else FOR_STRANGERS
        async with self._database.writing() as connection:
            failures = await _failures(connection, user_id or _NOBODY)
            counted = user_id if user_id and failures < most else _NOBODY
            await _one_more(connection, counted)
        return counted != _NOBODY

    async def give_back(self, user_id: str) -> None:
        """Take a try back whose password was not looked at."""
        own = sa.and_(STREAKS.c.user_id == user_id, STREAKS.c.failures > 0)
        async with self._database.writing() as connection:
            await connection.execute(
                STREAKS.update().where(own).values(failures=STREAKS.c.failures - 1)
            )

    async def end(self, user_id: str) -> None:
        """Forget a user's row."""
        async with self._database.writing() as connection:
            await end_streak(connection, user_id)

    async def full(self) -> frozenset[str]:
        """Name the users who can sign in on devices alone that they know."""
        found = sa.select(STREAKS.c.user_id).where(
            STREAKS.c.failures >= FOR_STRANGERS, STREAKS.c.user_id != _NOBODY
        )
        async with self._database.reading() as connection:
            return frozenset((await connection.execute(found)).scalars())


async def end_streak(connection: AsyncConnection, user_id: str) -> None:
    """Forget a user's row, in a transaction of the caller's."""
    await connection.execute(STREAKS.delete().where(STREAKS.c.user_id == user_id))


async def _failures(connection: AsyncConnection, user_id: str) -> int:
    found = sa.select(STREAKS.c.failures).where(STREAKS.c.user_id == user_id)
    return (await connection.execute(found)).scalar() or 0


async def _one_more(connection: AsyncConnection, user_id: str) -> None:
    own = STREAKS.c.user_id == user_id
    more = STREAKS.update().where(own).values(failures=STREAKS.c.failures + 1)
    if not (await connection.execute(more)).rowcount:
        await connection.execute(STREAKS.insert(), {"user_id": user_id, "failures": 1})
