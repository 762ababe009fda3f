"""Every table, so that whoever imports this has `metadata` complete."""

from __future__ import annotations

from galerne.store import (  # noqa: F401
    agents,
    allowed_models,
    attachments,
    audit,
    batches,
    belongings,
    books,
    chat_messages,
    chat_retention,
    chat_words,
    chats,
    directory,
    entries,
    files,
    invoices,
    kept_heads,
    kept_requests,
    keys,
    labels,
    quota,
    receipts,
    sessions,
    shares,
    threads,
    transfers,
    usage,
    vouched,
)
