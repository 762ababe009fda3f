"""Every table, so that whoever imports this has `metadata` complete."""

from __future__ import annotations

from galerne.store import agents, batches, books, entries, files, keys, labels, quota, receipts, threads  # noqa: F401
