"""The tables of the users."""

import sqlalchemy as sa

from holdfast.server.database.tables import METADATA, Moment

USERS = sa.Table(
    "holdfast_users",
    METADATA,
    sa.Column("user_id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(128), nullable=False, unique=True),
    sa.Column("roles", sa.JSON, nullable=False),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("password_changed_at", Moment, nullable=False),
)

# A row for each user who has failed since they last got in, and one for nobody.
STREAKS = sa.Table(
    "holdfast_streaks",
    METADATA,
    sa.Column("user_id", sa.String(64), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
)

# One row at most: the link by which the first administrator is made.
SETUP = sa.Table(
    "holdfast_setup",
    METADATA,
    sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("expires_at", Moment, nullable=False),
)
