"""What engines were asked, where the house keeps it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_requests",
        sa.Column("id", sa.String(80), primary_key=True),
        sa.Column("user", sa.String(64)),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("ix_kept_requests_user", "kept_requests", ["user"])
    op.create_index("ix_kept_requests_time", "kept_requests", ["time"])
