"""Chats, their messages and words, attachments, shares, folders and saved prompts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

SQLITE_INDEX = (
    "CREATE VIRTUAL TABLE chat_words_index USING fts5("
    "words, content='chat_words', content_rowid='number', tokenize='unicode61 remove_diacritics 0')",
    "CREATE TRIGGER chat_words_added AFTER INSERT ON chat_words BEGIN"
    " INSERT INTO chat_words_index(rowid, words) VALUES (new.number, new.words); END",
    "CREATE TRIGGER chat_words_removed AFTER DELETE ON chat_words BEGIN"
    " INSERT INTO chat_words_index(chat_words_index, rowid, words) VALUES ('delete', old.number, old.words); END",
)
POSTGRESQL_INDEX = ("CREATE INDEX chat_words_index ON chat_words USING gin (to_tsvector('simple', words))",)


def upgrade() -> None:
    for name, texts in (("chat_folders", ["name"]), ("saved_prompts", ["title", "content"])):
        op.create_table(
            name,
            *_owned(),
            sa.Column("created_at", sa.Double, nullable=False),
            *(sa.Column(text, sa.Text, nullable=False) for text in texts),
        )
        op.create_index(f"ix_{name}_workspace_user", name, ["workspace", "user"])
    _chats()
    _messages()
    _words()
    _attachments()
    op.create_table(
        "chat_shares",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        _chat(nullable=False),
        sa.Column("message", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("ix_chat_shares_chat", "chat_shares", ["chat"])


def _chats() -> None:
    op.create_table(
        "chats",
        *_owned(),
        sa.Column("title", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("folder", sa.String(64), sa.ForeignKey("chat_folders.id", ondelete="SET NULL")),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("active", sa.String(64)),
    )
    op.create_index("ix_chats_folder", "chats", ["folder"])
    op.create_index("ix_chats_newest", "chats", ["workspace", "user", "archived", "updated_at"])


def _messages() -> None:
    op.create_table(
        "chat_messages",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False),
        _chat(nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("saved_at", sa.Double, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_chat_messages_chat_number", "chat_messages", ["chat", "number"])
    op.create_index("ix_chat_messages_state_saved_at", "chat_messages", ["state", "saved_at"])


def _words() -> None:
    op.create_table(
        "chat_words",
        sa.Column("number", NUMBER, primary_key=True),
        _chat(nullable=False),
        sa.Column("message", sa.String(64)),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_index("ix_chat_words_chat_message", "chat_words", ["chat", "message"])
    for statement in SQLITE_INDEX if op.get_bind().dialect.name == "sqlite" else POSTGRESQL_INDEX:
        op.execute(statement)


def _attachments() -> None:
    op.create_table(
        "attachments",
        *_owned(),
        _chat(nullable=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.String(127), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("encoding", sa.String(32)),
        sa.Column("pages", sa.Integer),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("ix_attachments_chat", "attachments", ["chat"])
    op.create_index("ix_attachments_expires_at", "attachments", ["expires_at"])
    op.create_index("ix_attachments_workspace_user", "attachments", ["workspace", "user"])


def _owned() -> list[sa.Column[str]]:
    return [
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("workspace", sa.String(64), nullable=False),
        sa.Column("user", sa.String(64), nullable=False),
    ]


def _chat(*, nullable: bool) -> sa.Column[str]:
    return sa.Column("chat", sa.String(64), sa.ForeignKey("chats.id", ondelete="CASCADE"), nullable=nullable)
