"""What the receipt of a lost answer says of how it was made is kept with its reservation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What an older version left open is not known in such detail.
    op.add_column("reservations", sa.Column("model_sha256", sa.String(64), nullable=False, server_default=""))
    op.add_column("reservations", sa.Column("template_sha256", sa.String(64)))
    op.add_column("reservations", sa.Column("engine", sa.String(128), nullable=False, server_default=""))
    op.add_column("reservations", sa.Column("prompt_digest", sa.String(64), nullable=False, server_default=""))
