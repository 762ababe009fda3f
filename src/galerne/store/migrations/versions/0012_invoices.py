"""Customers, plans, invoices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customers",
        sa.Column("workspace", sa.String(64), primary_key=True),
        sa.Column("party", sa.Text, nullable=False),
    )
    op.create_table(
        "plans",
        sa.Column("workspace", sa.String(64), primary_key=True),
        sa.Column("since", sa.Date, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("cents", sa.BigInteger, nullable=False),
        sa.Column("included_tokens", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "invoices",
        sa.Column("number", sa.String(32), primary_key=True),
        sa.Column("series", sa.String(8), nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("period", sa.String(7), nullable=False),
        sa.Column("credits", sa.String(32), unique=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.UniqueConstraint("series", "year", "sequence"),
    )
    op.create_index("ix_invoices_workspace", "invoices", ["workspace"])
