"""Wrong passwords in a row, of each user."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "holdfast_streaks",
        sa.Column("user_id", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
    )
