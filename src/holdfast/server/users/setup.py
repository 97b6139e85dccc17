"""The link by which the first admin is made, once, as notebooks offer it.

Its token is printed and never kept: the database holds a hash of it, for all workers alike. A new
start of the service replaces it.
"""

import asyncio
import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.server.database.database import Database
from holdfast.server.users.errors import SetupRefused
from holdfast.server.users.hashing import Hasher
from holdfast.server.users.passwords import check_password, normal_password
from holdfast.server.users.rows import admins
from holdfast.server.users.tables import SETUP
from holdfast.server.users.user import User, normal_name
from holdfast.server.users.users import Users

LIFETIME: Final = timedelta(hours=1)
_ADMIN: Final = frozenset({"admin"})


def _now() -> datetime:
    return datetime.now(UTC)


class Setup:
    """Makes the first admin of a service that has none."""

    def __init__(
        self,
        database: Database,
        users: Users,
        hasher: Hasher,
        *,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._database, self._users, self._hasher = database, users, hasher
        self._now = now
        # Of those who come at once, all but the first find that there is nothing left to hash for.
        self._turn = asyncio.Lock()

    async def offer(self) -> str | None:
        """Make a token that is good for one hour and one admin; None when there is an admin."""
        token = secrets.token_urlsafe(32)
        row = {"token_hash": _hash(token), "expires_at": self._now() + LIFETIME}
        async with self._database.writing() as connection:
            if await _has_admin(connection):
                return None
            await connection.execute(SETUP.delete())
            await connection.execute(SETUP.insert(), row)
        return token

    async def complete(self, token: str, name: str, password: str) -> User:
        """Make the first admin. Of many tries at once, in whichever processes, one succeeds.

        Raises:
            SetupRefused: the token is not the one offered last, is over or used, or there is an
                admin; it costs no hash.
            InvalidUser: the name or the password breaks a rule; the token stays good.
            UserExists: the name is taken; the token stays good.
        """
        async with self._turn:
            async with self._database.reading() as connection:
                await self._check(connection, token)
            name = normal_name(name)
            check_password(password, name=name)
            hashed = await self._hasher.hash(normal_password(password) or b"")
            async with self._database.writing() as connection:
                # Another process may have come first.
                await self._check(connection, token)
                await connection.execute(SETUP.delete())
                return await self._users.add_hashed(connection, name, hashed, roles=_ADMIN)

    async def _check(self, connection: AsyncConnection, token: str) -> None:
        offered = (await connection.execute(sa.select(SETUP))).first()
        good = (
            offered is not None
            and hmac.compare_digest(offered.token_hash, _hash(token))
            and self._now() < offered.expires_at
            and not await _has_admin(connection)
        )
        if not good:
            raise SetupRefused


async def _has_admin(connection: AsyncConnection) -> bool:
    return (await connection.execute(admins(active=False))).first() is not None


def _hash(token: str) -> bytes:
    return sha256(token.encode(errors="replace")).digest()
