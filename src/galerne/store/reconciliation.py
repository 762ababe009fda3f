"""Holds what the books say of answers in several places against each other: rows, transfers, receipts, daily sums."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import Connection, and_, except_, or_, select

from galerne.ledger.prices import euros
from galerne.store.receipts import receipts
from galerne.store.transfers import transfers
from galerne.store.usage import daily_sums, daily_usage, usage


def disagreements(connection: Connection) -> Iterator[str]:
    """Every place where they do not agree; none when the books are right."""
    yield from _charges(connection)
    yield from _receipts(connection)
    yield from _sums(connection)


def _charges(connection: Connection) -> Iterator[str]:
    """Each answer that costs something is one transfer of that amount, and there are no others."""
    of_answers = ~transfers.c.id.contains("/")  # those of invoices have one in their names
    both = usage.outerjoin(transfers, usage.c.id == transfers.c.id)
    uncharged = or_(
        and_(usage.c.nano_euros > 0, transfers.c.id.is_(None)),
        and_(transfers.c.id.is_not(None), transfers.c.nano_euros != usage.c.nano_euros),
    )
    for id in connection.execute(select(usage.c.id).select_from(both).where(uncharged)).scalars():
        yield f"{id} is not charged what it costs"
    orphans = transfers.outerjoin(usage, usage.c.id == transfers.c.id)
    found = select(transfers.c.id).select_from(orphans).where(of_answers, usage.c.id.is_(None))
    for id in connection.execute(found).scalars():
        yield f"{id} is charged and was no answer"


def _receipts(connection: Connection) -> Iterator[str]:
    """Each answer's receipt says of tokens and price what the books say."""
    both = usage.outerjoin(receipts, usage.c.id == receipts.c.id)
    rows = select(usage, receipts.c.record).select_from(both).execution_options(yield_per=1000)
    for row in connection.execute(rows):
        if row.record is None:
            yield f"{row.id} has no receipt"
            continue
        prompt = row.input_tokens + row.cached_tokens + row.embedding_tokens
        if _said(row.record) != (prompt, row.output_tokens, euros(row.nano_euros)):
            yield f"{row.id} has another receipt than its row"


def _said(record: str) -> tuple[object, object, object] | None:
    """Tokens of prompt and answer, and price, in a receipt; None: somebody made it something else."""
    try:
        receipt = json.loads(record)
        return receipt["tokens"]["prompt"], receipt["tokens"]["completion"], receipt["price"]["euros"]
    except (ValueError, TypeError, LookupError):
        return None


def _sums(connection: Connection) -> Iterator[str]:
    """The daily sums are those of the answers' rows."""
    kept, due = select(daily_usage), daily_sums(connection)
    differing = {row[0] for query in (except_(kept, due), except_(due, kept)) for row in connection.execute(query)}
    for day in sorted(differing):
        yield f"the sums of {day} are not those of its answers"
