"""Agents, their versions and aliases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("workspace", sa.String, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("latest", sa.Integer, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("offered", sa.Boolean, nullable=False),
    )
    op.create_index("ix_agents_workspace_created_at", "agents", ["workspace", "created_at"])
    op.create_table(
        "agent_versions",
        sa.Column("agent", sa.String, sa.ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("definition", sa.Text, nullable=False),
    )
    op.create_table(
        "agent_aliases",
        sa.Column("agent", sa.String, sa.ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("alias", sa.String, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
    )
