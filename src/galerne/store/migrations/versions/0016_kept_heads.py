"""Heads of other installations' logs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_heads",
        sa.Column("key", sa.String(16), primary_key=True),
        sa.Column("log", sa.String(16), primary_key=True),
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("last", sa.String(64), nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
    )
