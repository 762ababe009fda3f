"""The audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retention", sa.String(16), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(128)),
        sa.Column("object", sa.String(128)),
        sa.Column("workspace", sa.String(64)),
    )
    op.create_index("ix_audit_retention_time", "audit", ["retention", "time"])
    op.create_index("ix_audit_actor", "audit", ["actor", "number"])
    op.create_index("ix_audit_object", "audit", ["object", "number"])
    op.create_table(
        "audit_people",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("pseudonym", sa.String(40), nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("pseudonym", name=op.f("uq_audit_people_pseudonym")),
    )
