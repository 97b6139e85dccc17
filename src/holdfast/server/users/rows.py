"""Users as they stand in their table."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from holdfast.server.users.tables import USERS
from holdfast.server.users.user import User

COLUMNS: Final = tuple(USERS.c[name] for name in User._fields)
# The rounds of the slowest hash of bcrypt that is left: "$2b$12$…".
OLD_ROUNDS: Final = (
    sa.select(sa.func.max(sa.cast(sa.func.substr(USERS.c.password_hash, 5, 2), sa.Integer)))
    .where(USERS.c.password_hash.like("$2_$%"))
    .scalar_subquery()
)


def user_of(row: Sequence[Any]) -> User:
    """Read a row that begins with `COLUMNS`."""
    user = User(*row[: len(COLUMNS)])
    return user._replace(roles=frozenset(user.roles), disabled=bool(user.disabled))


def admins(*, active: bool) -> sa.Select[Any]:
    """Ask for somebody who is an admin, or for one who can sign in."""
    found = sa.select(USERS.c.user_id).where(sa.cast(USERS.c.roles, sa.Text).like('%"admin"%'))
    return found.where(sa.not_(USERS.c.disabled)).limit(1) if active else found.limit(1)
