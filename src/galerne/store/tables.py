"""Every table, so that whoever imports this has `metadata` complete."""

from __future__ import annotations

from galerne.store import books, entries, files, labels, quota, receipts, threads  # noqa: F401
