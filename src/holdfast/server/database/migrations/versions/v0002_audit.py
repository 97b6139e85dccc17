"""The audit trail: rows are added to it and never altered or removed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"

GUARD = """
CREATE TRIGGER holdfast_audit_no_{what} BEFORE {what} ON holdfast_audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END
"""


def upgrade() -> None:
    """Make the table, and what refuses anything but adding to it."""
    op.create_table(
        "holdfast_audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(64)),
        sa.Column("session", sa.String(64)),
        sa.Column("network", sa.String(64)),
        sa.Column("request", sa.String(128)),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    for what in ("UPDATE", "DELETE"):
        op.execute(GUARD.format(what=what))
