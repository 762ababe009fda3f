"""Daily sums of what was used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

AMOUNTS = ("input_tokens", "cached_tokens", "output_tokens", "embedding_tokens", "nano_euros")


def upgrade() -> None:
    op.create_table(
        "daily_usage",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("user", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in AMOUNTS),
        sa.Column("cpu_microseconds", sa.BigInteger(), nullable=False),
        sa.Column("millijoules", sa.BigInteger(), nullable=False),
        sa.Column("measured", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "organisation", "workspace", "user", "key", "model"),
    )
    op.create_index("ix_daily_usage_workspace", "daily_usage", ["workspace", "day"])
    postgresql = op.get_bind().dialect.name == "postgresql"
    day = "CAST(time AT TIME ZONE 'UTC' AS date)" if postgresql else "date(time)"
    who = """organisation, workspace, coalesce("user", ''), coalesce(key, ''), model"""
    sums = ", ".join(f"sum({name})" for name in AMOUNTS)
    op.execute(
        f"INSERT INTO daily_usage SELECT {day}, {who}, count(*), {sums}, coalesce(sum(cpu_microseconds), 0),"
        f" coalesce(sum(millijoules), 0), count(millijoules) FROM usage GROUP BY {day}, {who}"
    )
