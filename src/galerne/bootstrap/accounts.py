"""The accounts of answers: how they are settled, what dead processes left of them, and the invoices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galerne.flows.accounts import Accounts
    from galerne.flows.settlement import Settlement
    from galerne.ledger.audit import AuditLog
    from galerne.ledger.books import Books
    from galerne.ledger.energy import Grid
    from galerne.ledger.signing import SigningKey
    from galerne.settings import Settings
    from galerne.store.database import Database


def open_settlement(settings: Settings) -> Settlement:
    """How answers are settled here. Raises `SettingsError`."""
    from galerne.flows.settlement import Settlement
    from galerne.ledger.energy import Power
    from galerne.store.secret import load_secret

    power = Power(settings.core_watts, settings.core_watts_least, settings.core_watts_most)
    return Settlement(load_secret(settings.data_dir / "pseudonyms.key"), power, _grid(settings))


MINUTES_KEPT = timedelta(days=1)
"""How long it is known what was used in a minute: no clock is off by more, nor any answer under way."""


def tidy_books(database: Database, books: Books, settlement: Settlement, folder: Path) -> None:
    """What processes that died left open: conversations are free again, answers are settled. Past minutes go."""
    from galerne.flows.recovery import recover
    from galerne.store.journal import left_journals, remove_journal
    from galerne.store.threads import free_threads

    now = datetime.now(UTC)
    books.forget_minutes(now - MINUTES_KEPT)
    left = left_journals(folder)
    if not left:
        return
    free_threads(database, left)
    recover(books, left, settlement, now)
    for name in left:
        remove_journal(folder, name)


def _grid(settings: Settings) -> Grid | None:
    from galerne.ledger.energy import Grid

    if settings.grid_grams_per_kwh is None or settings.grid_year is None or settings.grid_source is None:
        return None
    return Grid(settings.grid_grams_per_kwh, settings.grid_year, settings.grid_source)


def build_accounts(database: Database, books: Books, audit: AuditLog, settings: Settings) -> Accounts:
    """The flows over limits, prices, usage and invoices."""
    from galerne.flows.accounts import Accounts
    from galerne.flows.invoicing import Invoicing
    from galerne.flows.terms import Terms
    from galerne.flows.usage import UsageReports
    from galerne.store.directory import SqlDirectory
    from galerne.store.invoices import SqlInvoiceBook
    from galerne.store.keys import SqlKeys

    invoicing = Invoicing(SqlInvoiceBook(database), books, audit, settings)
    terms = Terms(books, SqlDirectory(database), SqlKeys(database), audit)
    return Accounts(terms, UsageReports(books), invoicing)


@contextmanager
def open_accounts(settings: Settings) -> Iterator[Accounts]:
    """The same, on this machine's database. Raises `SettingsError`."""
    from galerne.store.audit import SqlAuditLog
    from galerne.store.books import SqlBooks
    from galerne.store.schema import open_database

    database, key = open_database(settings), receipts_key(settings)
    try:
        yield build_accounts(database, SqlBooks(database, key), SqlAuditLog(database, key), settings)
    finally:
        database.close()


def receipts_key(settings: Settings) -> SigningKey:
    """What receipts and the audit log are signed with. Raises `SettingsError`."""
    from galerne.ledger.signing import SigningKey
    from galerne.store.secret import load_secret

    return SigningKey.of(load_secret(settings.data_dir / "receipts.key")[:32])
