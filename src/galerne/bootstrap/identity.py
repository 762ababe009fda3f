"""Who there is, and who may ask."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from galerne.errors import SettingsError

if TYPE_CHECKING:
    from galerne.flows.identity import Identity
    from galerne.identity.caller import Callers
    from galerne.ledger.audit import AuditLog
    from galerne.settings import Settings
    from galerne.store.database import Database


def build_identity(database: Database, audit: AuditLog) -> Identity:
    """The flows over users, workspaces and keys."""
    from galerne.flows.identity import Identity
    from galerne.flows.keys import KeyRing
    from galerne.flows.users import Users
    from galerne.flows.workspaces import Workspaces
    from galerne.store.directory import SqlDirectory
    from galerne.store.keys import SqlKeys

    directory, keys = SqlDirectory(database), SqlKeys(database)
    return Identity(
        workspaces=Workspaces(directory, audit),
        users=Users(directory, keys, audit),
        keys=KeyRing(keys, directory, audit),
    )


@contextmanager
def open_identity(settings: Settings) -> Iterator[Identity]:
    """The same, on this machine's database. Raises `SettingsError`."""
    from galerne.bootstrap.accounts import receipts_key
    from galerne.store.audit import SqlAuditLog
    from galerne.store.schema import open_database

    database, key = open_database(settings), receipts_key(settings)
    try:
        yield build_identity(database, SqlAuditLog(database, key))
    finally:
        database.close()


def open_callers(database: Database, settings: Settings) -> Callers:
    """Who may ask. Raises `SettingsError` for a server that anybody on the network could use."""
    from galerne.identity.key_callers import KeyCallers
    from galerne.store.keys import SqlKeys
    from galerne.store.standing import SqlStanding

    local = settings.host == "localhost" or _is_loopback(settings.host)
    if settings.auth == "none" and not local:
        hint = "Listen on 127.0.0.1, or make keys with `galerne admin keys create` and set auth to keys."
        raise SettingsError(f"everybody who reaches {settings.host} could ask.", where="auth", hint=hint)
    open_door = local and settings.auth != "keys"
    return KeyCallers(SqlKeys(database), SqlStanding(database), open_door=open_door)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
