"""Every table, so that whoever imports this has `metadata` complete."""

from __future__ import annotations

from galerne.store import entries, files, labels, threads  # noqa: F401
