"""Every table, so that whoever imports this has `metadata` complete."""

from __future__ import annotations

from galerne.store import (  # noqa: F401
    agents,
    audit,
    batches,
    books,
    directory,
    entries,
    files,
    keys,
    labels,
    quota,
    receipts,
    threads,
    usage,
)
