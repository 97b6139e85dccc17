"""The users: kept in the application database, and checked by their passwords."""

import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.server.database.database import Database
from holdfast.server.users.errors import (
    HashingBusy,
    InvalidUser,
    LastAdmin,
    UserExists,
    UserNotFound,
)
from holdfast.server.users.hashing import Hasher
from holdfast.server.users.passwords import check_password, normal_password
from holdfast.server.users.rows import COLUMNS, OLD_ROUNDS, admins, user_of
from holdfast.server.users.streaks import Streaks, end_streak
from holdfast.server.users.tables import USERS
from holdfast.server.users.user import User, known_roles, normal_name

LARGEST_PAGE: Final = 1000


def _now() -> datetime:
    return datetime.now(UTC)


class Users:
    """Everybody who can sign in.

    With `keep_admin`, what would leave nobody to manage users is refused (`LastAdmin`). All of it
    may raise `DatabaseUnavailable`. Passwords from known devices wait at a hasher of their own, if
    one is given: a crowd of strangers does not hold them up.
    """

    def __init__(
        self,
        database: Database,
        hasher: Hasher,
        *,
        known_hasher: Hasher | None = None,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._known_hasher = known_hasher or hasher
        self._now = now
        self._streaks = Streaks(database)

    async def add(self, name: str, password: str, *, roles: Iterable[str]) -> User:
        """Add a user.

        Raises:
            InvalidUser: the name, a role or the password breaks a rule.
            UserExists: the name is taken.
        """
        name, granted = normal_name(name), known_roles(roles)
        check_password(password, name=name)
        if await self.find(name) is not None:
            raise UserExists(name)
        hashed = await self._hashed(password)
        async with self._database.writing() as connection:
            return await self.add_hashed(connection, name, hashed, roles=granted)

    async def add_hashed(
        self,
        connection: AsyncConnection,
        name: str,
        hashed: str,
        *,
        roles: frozenset[str],
        disabled: bool = False,
    ) -> User:
        """Add a user, checked and hashed already, in a transaction of the caller's.

        Raises:
            UserExists: the name is taken.
        """
        now = self._now()
        user = User(secrets.token_urlsafe(16), name, roles, disabled, now, now)
        values = {**user._asdict(), "roles": sorted(roles), "password_hash": hashed}
        try:
            await connection.execute(USERS.insert(), values)
        except IntegrityError as exc:
            raise UserExists(name) from exc
        return user

    async def get(self, user_id: str) -> User | None:
        """Find a user by id."""
        return await self._one(USERS.c.user_id == user_id)

    async def find(self, name: str) -> User | None:
        """Find a user by name, however it is written; what is no name is nobody's."""
        try:
            return await self._one(USERS.c.name == normal_name(name))
        except InvalidUser:
            return None

    async def list(self, *, after: str = "", limit: int = LARGEST_PAGE) -> list[User]:
        """List users in the order of their names, behind the name `after`."""
        query = sa.select(*COLUMNS).where(USERS.c.name > after).order_by(USERS.c.name)
        async with self._database.reading() as connection:
            rows = await connection.execute(query.limit(min(limit, LARGEST_PAGE)))
        return [user_of(row) for row in rows]

    async def locked(self) -> frozenset[str]:
        """Name the users, by id, whom too many wrong passwords keep to devices that they know."""
        return await self._streaks.full()

    async def check(self, name: str, password: str, *, known_device: bool = False) -> User | None:
        """Give the user who has this name and this password, and may sign in.

        None for a wrong password, for a user who is not known, for one who is disabled and for one
        with too many wrong passwords in a row; all of these take the same time.

        Raises:
            HashingBusy: too many passwords are waiting.
        """
        hasher = self._known_hasher if known_device else self._hasher
        user, known, old_rounds = await self._known(name)
        counted = None if user is None else user.user_id
        if not await self._streaks.count(counted, known_device=known_device):
            user = known = None
        try:
            proven = await self._proven(hasher, user, known, password, old_rounds)
        except HashingBusy:
            if user is not None:
                await self._streaks.give_back(user.user_id)
            raise
        if proven is not None:
            await self._streaks.end(proven.user_id)
        return proven

    async def _proven(
        self,
        hasher: Hasher,
        user: User | None,
        known: str | None,
        password: str,
        old_rounds: int | None,
    ) -> User | None:
        """Give the user if the password is theirs; without one, take as long."""
        given = normal_password(password)
        right = await hasher.verify(known, given or b"", old_rounds=old_rounds)
        if not right or given is None or user is None or known is None:
            return None
        if hasher.outdated(known):
            await self._renew(user, known, await hasher.hash(given))
        # Hashing takes long enough for the user to be disabled, or to get another password.
        now = await self.get(user.user_id)
        unchanged = now is not None and now.password_changed_at == user.password_changed_at
        return now if now is not None and unchanged and not now.disabled else None

    async def change(
        self,
        user_id: str,
        *,
        roles: Iterable[str] | None = None,
        disabled: bool | None = None,
        password: str | None = None,
        keep_admin: bool = False,
    ) -> User:
        """Change what is given of a user, all of it or nothing.

        Raises:
            InvalidUser: a role is not known, or the password may not be used.
            UserNotFound: there is no such user.
        """
        values: dict[str, Any] = {}
        if roles is not None:
            values["roles"] = sorted(known_roles(roles))
        if disabled is not None:
            values["disabled"] = disabled
        if password is not None:
            values["password_hash"] = await self._new_hash(user_id, password)
            values["password_changed_at"] = self._now()
        return await self._update(user_id, values, keep_admin=keep_admin)

    async def disable(self, user_id: str, *, keep_admin: bool = False) -> User:
        """Let a user sign in no more.

        Raises:
            UserNotFound: there is no such user.
        """
        return await self.change(user_id, disabled=True, keep_admin=keep_admin)

    async def enable(self, user_id: str) -> User:
        """Let a user sign in again, also one with too many wrong passwords in a row.

        Raises:
            UserNotFound: there is no such user.
        """
        return await self.change(user_id, disabled=False)

    async def set_password(self, user_id: str, password: str) -> User:
        """Give a user another password.

        Raises:
            InvalidUser: it may not be used.
            UserNotFound: there is no such user.
        """
        return await self.change(user_id, password=password)

    async def remove(self, user_id: str, *, keep_admin: bool = False) -> bool:
        """Remove a user; False when there is none."""
        async with self._database.writing() as connection:
            gone = await connection.execute(USERS.delete().where(USERS.c.user_id == user_id))
            if gone.rowcount and keep_admin:
                await _keep_admin(connection)
            await end_streak(connection, user_id)
        return bool(gone.rowcount)

    async def _one(self, condition: sa.ColumnElement[bool]) -> User | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(sa.select(*COLUMNS).where(condition))).first()
        return None if row is None else user_of(row)

    async def _known(self, name: str) -> tuple[User | None, str | None, int | None]:
        """Find who may sign in under a name, the hash of the password, and the old hashes left."""
        try:
            sought = normal_name(name)
        except InvalidUser:
            sought = ""
        found = sa.select(*COLUMNS, USERS.c.password_hash).where(USERS.c.name == sought)
        async with self._database.reading() as connection:
            row = (await connection.execute(found)).first()
            old_rounds = (await connection.execute(sa.select(OLD_ROUNDS))).scalar_one()
        user = None if row is None else user_of(row)
        if row is None or user is None or user.disabled:
            return None, None, old_rounds
        return user, str(row.password_hash), old_rounds

    async def _renew(self, user: User, known: str, hashed: str) -> None:
        """Put a new hash of the same password in place, unless it was changed meanwhile."""
        unchanged = sa.and_(USERS.c.user_id == user.user_id, USERS.c.password_hash == known)
        async with self._database.writing() as connection:
            await connection.execute(USERS.update().where(unchanged), {"password_hash": hashed})

    async def _hashed(self, password: str) -> str:
        return await self._hasher.hash(normal_password(password) or b"")

    async def _new_hash(self, user_id: str, password: str) -> str:
        user = await self.get(user_id)
        if user is None:
            raise UserNotFound(user_id)
        check_password(password, name=user.name)
        return await self._hashed(password)

    async def _update(self, user_id: str, values: dict[str, Any], *, keep_admin: bool) -> User:
        # Naming the id makes it a statement even when nothing is to be changed.
        changing = USERS.update().where(USERS.c.user_id == user_id).returning(*COLUMNS)
        async with self._database.writing() as connection:
            row = (await connection.execute(changing, {"user_id": user_id, **values})).first()
            if row is None:
                raise UserNotFound(user_id)
            if keep_admin:
                await _keep_admin(connection)
            if "password_hash" in values or values.get("disabled") is False:
                await end_streak(connection, user_id)
        return user_of(row)


async def _keep_admin(connection: AsyncConnection) -> None:
    """See that somebody is left to manage users; who raises in a transaction, undoes it."""
    if (await connection.execute(admins(active=True))).first() is None:
        raise LastAdmin
