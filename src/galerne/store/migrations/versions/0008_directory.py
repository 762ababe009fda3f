"""Organisation, workspaces, users; keys are theirs, and may have several secrets.

A key of before becomes one of a service account of its workspace, which may do what members may.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organisations",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
    )
    workspaces = op.create_table(
        "workspaces",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("organisation", sa.String(64), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspaces")),
        sa.ForeignKeyConstraint(["organisation"], ["organisations.id"], name=op.f("fk_workspaces_organisation")),
    )
    users = op.create_table(
        "users",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("email", sa.String(320)),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name=op.f("fk_users_workspace")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_index(op.f("ix_users_workspace"), "users", ["workspace"])
    _move_keys(workspaces, users)


def _move_keys(workspaces: sa.Table, users: sa.Table) -> None:
    texts, times = ("id", "name", "prefix", "digest", "workspace"), ("created", "expires", "revoked", "last_used")
    columns = [*(sa.column(name) for name in texts), *(sa.column(name, sa.DateTime(timezone=True)) for name in times)]
    before = sa.table("keys", *columns)
    old, now = op.get_bind().execute(sa.select(before)).all(), datetime.now(UTC)
    op.drop_table("keys")
    keys, key_secrets = _create_keys()

    op.execute(sa.text("INSERT INTO organisations (id, name) VALUES ('default', 'Our organisation')"))
    used = sorted({"default", *(key.workspace for key in old)})
    op.bulk_insert(workspaces, [{"id": id, "organisation": "default", "name": id, "created": now} for id in used])
    holders = {key.workspace: f"service-{sha256(key.workspace.encode()).hexdigest()[:16]}" for key in old}
    everybody = [_user("local", "person", "default", "admin", "Local administrator", now)]
    everybody += [_user(id, "service", workspace, "member", "keys", now) for workspace, id in holders.items()]
    op.bulk_insert(users, everybody)
    moved = [key._asdict() | {"user": holders[key.workspace]} for key in old]
    op.bulk_insert(keys, [{name: row[name] for name in row if name in keys.c} for row in moved])
    op.bulk_insert(key_secrets, [{"digest": key.digest, "key": key.id, "prefix": key.prefix} for key in old])


def _create_keys() -> tuple[sa.Table, sa.Table]:
    keys = op.create_table(
        "keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("prefix", sa.String(16), nullable=False),
        sa.Column("user", sa.String(32), nullable=False),
        sa.Column("scopes", sa.Text),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True)),
        sa.Column("revoked", sa.DateTime(timezone=True)),
        sa.Column("last_used", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_keys_user"), ondelete="CASCADE"),
    )
    op.create_index(op.f("ix_keys_user"), "keys", ["user"])
    secrets = op.create_table(
        "key_secrets",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("prefix", sa.String(16), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_key_secrets")),
        sa.ForeignKeyConstraint(["key"], ["keys.id"], name=op.f("fk_key_secrets_key"), ondelete="CASCADE"),
    )
    op.create_index(op.f("ix_key_secrets_key"), "key_secrets", ["key"])
    return keys, secrets


def _user(id: str, kind: str, workspace: str, role: str, name: str, now: datetime) -> dict[str, object]:
    return {"id": id, "kind": kind, "workspace": workspace, "role": role, "name": name, "created": now}
