"""Times in rows: SQLite forgets their zone, which is always UTC here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def utc(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The row's values, each time with its zone."""
    return {
        str(name): value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
        for name, value in row.items()
    }
