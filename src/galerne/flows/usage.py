"""Who used how much: of the caller's own workspace, or of all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime

from galerne.errors import InvalidRequest
from galerne.ledger.books import Books
from galerne.ledger.usage import By, UsageQuery, UsageSum


class UsageReports:
    """The flow behind `/v1/usage`. Raises `DatabaseUnavailable`."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def sums(self, query: UsageQuery) -> Sequence[UsageSum]:
        return await asyncio.to_thread(self.blocking_sums, query)

    def disagreements(self) -> Sequence[str]:
        """Where the books do not agree with themselves. Blocks."""
        return self._books.disagreements()

    def blocking_sums(self, query: UsageQuery) -> Sequence[UsageSum]:
        return self._books.usage(query)


def usage_query(
    by: By, since: date | None, until: date | None, now: datetime, workspace: str | None = None
) -> UsageQuery:
    """By default, a month up to today. Raises `InvalidRequest`."""
    last = until or now.astimezone(UTC).date()
    first = since or last.replace(day=1)
    if last < first:
        raise InvalidRequest(f"{last} is before {first}.", where="until")
    return UsageQuery(by, first, last, workspace)
