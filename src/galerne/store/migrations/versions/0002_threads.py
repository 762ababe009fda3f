"""Threads of entries, and labels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "entries",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("parent", sa.String, sa.ForeignKey("entries.id"), index=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "threads",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("head", sa.String, sa.ForeignKey("entries.id"), index=True),
        sa.Column("turn", sa.String),
        sa.Column("leased_until", sa.Double),
        sa.Column("about", sa.Text, nullable=False),
    )
    op.create_index("ix_threads_newest", "threads", ["workspace", "kind", "created_at"])
    op.create_table(
        "labels",
        sa.Column("owner", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
