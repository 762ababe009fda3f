"""What is kept: the database, the files beside it, the books."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from galerne.bootstrap.accounts import build_accounts, open_settlement, receipts_key, tidy_books
from galerne.bootstrap.identity import build_identity

if TYPE_CHECKING:
    from galerne.api.application import Kept
    from galerne.flows.anchoring import Anchoring
    from galerne.flows.audit import Audit
    from galerne.flows.erasure import Erasure
    from galerne.flows.kept_chats import KeptChats
    from galerne.flows.receipts import Receipts
    from galerne.flows.served import ServedModels
    from galerne.ledger.audit import Action, Party
    from galerne.settings import Settings
    from galerne.store.contents import ContentFolder
    from galerne.store.database import Database


def open_kept(models: ServedModels, settings: Settings) -> tuple[Database, Kept]:
    """The database, for whoever closes it, and the flows over what is kept in it and beside it.

    Raises `SettingsError`.
    """
    from galerne.api.application import Kept
    from galerne.flows.audit import Audit
    from galerne.flows.batches import Batches
    from galerne.flows.billing import Billing
    from galerne.flows.chat_retention import ChatRetentions
    from galerne.flows.erasure import Erasure
    from galerne.flows.files import Files
    from galerne.flows.links import Signer
    from galerne.flows.receipts import Receipts
    from galerne.flows.witness import Witness
    from galerne.protocol.conversations import ConversationFields
    from galerne.protocol.responses import KeptResponse
    from galerne.store.agents import SqlAgents
    from galerne.store.audit import SqlAuditLog
    from galerne.store.batches import SqlJobs
    from galerne.store.books import SqlBooks
    from galerne.store.chat_retention import SqlRetentions
    from galerne.store.erasure import SqlErasable
    from galerne.store.files import SqlFiles
    from galerne.store.journal import Journal
    from galerne.store.kept_heads import SqlKeptHeads
    from galerne.store.kept_requests import SqlRequestStore
    from galerne.store.own_things import SqlOwnThings
    from galerne.store.receipts import SqlReceiptLog
    from galerne.store.schema import open_database
    from galerne.store.secret import load_secret
    from galerne.store.threads import SqlThreads

    contents, inputs = _open_contents(settings)
    signer = Signer(load_secret(settings.data_dir / "signing.key"))
    database = open_database(settings)
    key = receipts_key(settings)
    books, audit = SqlBooks(database, key), SqlAuditLog(database, key)
    files = Files(SqlFiles(database), contents, signer, audit, settings)
    journals = settings.data_dir / "journals"
    settlement = open_settlement(settings)
    tidy = partial(tidy_books, database, books, settlement, journals)
    tidy()
    journal, lane = Journal(journals), database.lane()
    return database, Kept(
        files=files,
        batches=Batches(SqlJobs(database), inputs, files, models, settings),
        agents=SqlAgents(database),
        conversations=SqlThreads(database, "conversation", ConversationFields, journal.name),
        responses=SqlThreads(database, "response", KeptResponse, journal.name),
        billing=Billing(SqlBooks(lane, key), journal, settlement, lane.run),
        tidy_books=tidy,
        requests=SqlRequestStore(database, days) if (days := settings.keep_requests_days) else None,
        receipts=Receipts(SqlReceiptLog(database), key),
        accounts=build_accounts(database, books, audit, settings),
        audit=Audit(audit, key, settings),
        erasure=Erasure([SqlErasable(database, contents, inputs)], audit, key),
        witness=Witness(SqlKeptHeads(database)),
        chats=_open_chats(database),
        things=SqlOwnThings(database, contents),
        retentions=ChatRetentions(SqlRetentions(database), audit, settings),
        identity=build_identity(database, audit, settings),
    )


def _open_contents(settings: Settings) -> tuple[ContentFolder, ContentFolder]:
    """The contents of files, and the inputs of batches. Raises `SettingsError`."""
    from galerne.store.contents import ContentFolder

    contents, inputs = (
        ContentFolder(
            settings.data_dir / folder,
            reserve=settings.disk_reserve_mb << 20,
            upload_seconds=settings.upload_seconds,
        )
        for folder in ("files", "batches")
    )
    return contents, inputs


def _open_chats(database: Database) -> KeptChats:
    from galerne.flows.kept_chats import KeptChats
    from galerne.protocol.chat_folders import Folder, Prompt
    from galerne.store.attachments import SqlAttachments
    from galerne.store.belongings import SqlBelongings, folders, prompts
    from galerne.store.chats import SqlChats
    from galerne.store.shares import SqlShares

    return KeptChats(
        chats=SqlChats(database),
        attachments=SqlAttachments(database),
        shares=SqlShares(database),
        folders=SqlBelongings(database, folders, Folder),
        prompts=SqlBelongings(database, prompts, Prompt),
    )


def open_receipts(settings: Settings) -> tuple[Database, Receipts]:
    """The database, for whoever closes it, and the receipts in it. Raises `SettingsError`."""
    from galerne.flows.receipts import Receipts
    from galerne.store.receipts import SqlReceiptLog
    from galerne.store.schema import open_database

    database = open_database(settings)
    return database, Receipts(SqlReceiptLog(database), receipts_key(settings))


@contextmanager
def open_audit(settings: Settings) -> Iterator[Audit]:
    """The audit log of this machine's database. Raises `SettingsError`."""
    from galerne.flows.audit import Audit
    from galerne.store.audit import SqlAuditLog
    from galerne.store.schema import open_database

    database, key = open_database(settings), receipts_key(settings)
    try:
        yield Audit(SqlAuditLog(database, key), key, settings)
    finally:
        database.close()


def build_anchoring(audit: Audit, settings: Settings) -> Anchoring:
    """Takes the audit log's heads where the settings say."""
    from galerne.flows.anchoring import Anchoring
    from galerne.store.anchors import AppendedFile, HttpAuthority, HttpPeer

    file, authority = settings.audit_anchor_file, settings.audit_authority
    peer, key = settings.audit_peer, settings.audit_peer_key
    return Anchoring(
        audit,
        None if file is None else AppendedFile(file),
        None if authority is None else HttpAuthority(authority),
        None if peer is None or key is None else HttpPeer(peer, key.get_secret_value()),
    )


@contextmanager
def open_erasure(settings: Settings) -> Iterator[Erasure]:
    """What erases people from this machine's database. Raises `SettingsError`."""
    from galerne.flows.erasure import Erasure
    from galerne.store.audit import SqlAuditLog
    from galerne.store.erasure import SqlErasable
    from galerne.store.schema import open_database

    database, key = open_database(settings), receipts_key(settings)
    try:
        erasable = SqlErasable(database, *_open_contents(settings))
        yield Erasure([erasable], SqlAuditLog(database, key), key)
    finally:
        database.close()


def note(settings: Settings, action: Action, object: Party | None = None, **details: str | int) -> None:
    """Have on the audit log what was done on the command line. Raises `SettingsError`."""
    from galerne.ledger.audit import Event

    with open_audit(settings) as audit:
        audit.log.record(Event(action, operator(), object, details=details))


def operator() -> Party:
    """Whoever uses the command line, by the account of this machine."""
    from galerne.ledger.audit import Party

    return Party("operator", account_name())


def account_name() -> str:
    """Of whoever runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, in a container
        return str(os.getuid())
