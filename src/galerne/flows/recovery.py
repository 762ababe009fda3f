"""Settles the answers of processes that died: each as far as its journal says it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from galerne.flows.settlement import Settlement
from galerne.ledger.books import Books, Closing
from galerne.ledger.prices import PriceList


def recover(books: Books, journals: Mapping[str, Sequence[int]], settlement: Settlement, now: datetime) -> int:
    """`journals` are those of dead processes. Returns how many answers they left open.

    One of which no token was told costs nothing; the others are charged, and have their receipts.
    """
    lost = [each for each in books.open_reservations() if each.journal in journals]
    prices = PriceList(books.prices())
    for reservation in lost:
        told = journals[reservation.journal][reservation.slot]
        settled = settlement.lost(reservation, told, prices, now) if told else None
        books.close([Closing(reservation, settled)])
    return len(lost)
