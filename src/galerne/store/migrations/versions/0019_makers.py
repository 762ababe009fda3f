"""Who made what a workspace keeps: files, agents and their versions, threads and their entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("files", "agents", "agent_versions", "threads", "entries"):
        op.add_column(table, sa.Column("user", sa.String(64)))
        op.create_index(f"ix_{table}_user", table, ["user"])
