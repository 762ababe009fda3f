"""The words of chats, for whoever searches them: a table, and the index of each database's own over it.

SQLite's is an FTS5 table that triggers keep (https://www.sqlite.org/fts5.html#external_content_tables), PostgreSQL's an
index of `to_tsvector`. Both see words that were folded before (`assistant.words`), so both find the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    TextClause,
    delete,
    insert,
    text,
)

from galerne.assistant.words import words_of
from galerne.store.chat_messages import BATCH
from galerne.store.metadata import metadata

words = Table(
    "chat_words",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),  # the order of arrival
    Column("chat", String(64), ForeignKey("chats.id", ondelete="CASCADE"), nullable=False),
    Column("message", String(64)),  # NULL: the title's
    Column("words", Text, nullable=False),  # with spaces between them
    Index(None, "chat", "message"),
)


def put_words(connection: Connection, chat: str, message: str | None, said: str) -> None:
    """Let a message, or the title, be found by what it says now."""
    connection.execute(delete(words).where(words.c.chat == chat, words.c.message.is_not_distinct_from(message)))
    insert_words(connection, word_rows(chat, [(message, said)]))


def word_rows(chat: str, texts: Iterable[tuple[str | None, str]]) -> list[dict[str, str | None]]:
    """Rows for messages, or the title (None), by what they say. Many take a moment: make them before a transaction."""
    return [{"chat": chat, "message": id, "words": " ".join(words_of(said))} for id, said in texts if said]


def insert_words(connection: Connection, rows: Sequence[Mapping[str, str | None]]) -> None:
    """Let what was not known before be found."""
    for first in range(0, len(rows), BATCH):
        connection.execute(insert(words), rows[first : first + BATCH])


def forget_words(connection: Connection) -> None:
    """Let the index hold nothing of rows that were deleted: FTS5 only marks them, until it writes its segments anew."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("INSERT INTO chat_words_index(chat_words_index) VALUES ('optimize')")


def having(wanted: Sequence[str], *, sqlite: bool) -> TextClause:
    """The condition for rows of `chat_words` that have all these words, the last one perhaps only begun."""
    if sqlite:
        query = " ".join(f'"{word}"' for word in wanted) + "*"
        found = "chat_words.number IN (SELECT rowid FROM chat_words_index WHERE chat_words_index MATCH :query)"
    else:
        query = " & ".join(f"'{word}'" for word in wanted) + ":*"
        found = "to_tsvector('simple', chat_words.words) @@ to_tsquery('simple', :query)"
    return text(found).bindparams(query=query)
