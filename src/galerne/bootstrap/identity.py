"""Who there is, and who may ask."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from galerne.errors import SettingsError

if TYPE_CHECKING:
    from galerne.flows.identity import Identity
    from galerne.flows.sign_in import SignIn, SignInStores
    from galerne.flows.vouched_sign_in import VouchedSignIn
    from galerne.identity.caller import Callers
    from galerne.identity.directory import Directory
    from galerne.ledger.audit import AuditLog
    from galerne.settings import Settings
    from galerne.store.database import Database


def build_identity(database: Database, audit: AuditLog, settings: Settings) -> Identity:
    """The flows over users, workspaces and keys."""
    from galerne.flows.identity import Identity
    from galerne.flows.keys import KeyRing
    from galerne.flows.sign_in import SignIn
    from galerne.flows.users import Users
    from galerne.flows.workspaces import Workspaces
    from galerne.identity.passwords import Hasher
    from galerne.store.directory import SqlDirectory
    from galerne.store.keys import SqlKeys

    directory, keys = SqlDirectory(database), SqlKeys(database)
    sign_in = SignIn(_sign_in_stores(database, directory), Hasher(), audit, settings)
    return Identity(
        workspaces=Workspaces(directory, audit),
        users=Users(directory, keys, audit),
        keys=KeyRing(keys, directory, audit),
        sign_in=sign_in,
        vouched=_vouched(database, directory, sign_in, audit, settings),
    )


def _vouched(
    database: Database, directory: Directory, sign_in: SignIn, audit: AuditLog, settings: Settings
) -> VouchedSignIn | None:
    """Signing in at the provider that the settings name."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    from galerne.flows.vouched_sign_in import VouchedSignIn
    from galerne.identity.permissions import Role
    from galerne.identity.provider import Provider
    from galerne.identity.vouched import RoleRule
    from galerne.store.vouched import SqlLinks, SqlSignInRequests

    secret = None if settings.oidc_client_secret is None else settings.oidc_client_secret.get_secret_value()
    provider = Provider(settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_scopes)
    default = None if settings.oidc_default_role == "none" else Role(settings.oidc_default_role)
    roles = {group: Role(role) for group, role in settings.oidc_roles.items()}
    rule = RoleRule(settings.oidc_groups_claim, roles, default)
    stores = SqlSignInRequests(database), SqlLinks(database)
    return VouchedSignIn(provider, rule, *stores, directory, sign_in, audit)


def _sign_in_stores(database: Database, directory: Directory) -> SignInStores:
    from galerne.flows.sign_in import SignInStores
    from galerne.store.sessions import SqlInvitations, SqlPasswords, SqlSessions, SqlTries

    return SignInStores(
        directory=directory,
        passwords=SqlPasswords(database),
        sessions=SqlSessions(database),
        invitations=SqlInvitations(database),
        tries=SqlTries(database),
    )


@contextmanager
def open_identity(settings: Settings) -> Iterator[Identity]:
    """The same, on this machine's database. Raises `SettingsError`."""
    from galerne.bootstrap.accounts import receipts_key
    from galerne.store.audit import SqlAuditLog
    from galerne.store.schema import open_database

    database, key = open_database(settings), receipts_key(settings)
    try:
        yield build_identity(database, SqlAuditLog(database, key), settings)
    finally:
        database.close()


def open_callers(database: Database, settings: Settings) -> Callers:
    """Who may ask. Raises `SettingsError` for a server that anybody on the network could use."""
    from galerne.identity.known_callers import KnownCallers
    from galerne.store.allowed_models import SqlAllowedModels
    from galerne.store.keys import SqlKeys
    from galerne.store.sessions import SqlSessions
    from galerne.store.standing import SqlStanding

    idle, at_hand = timedelta(minutes=settings.session_idle_minutes), database.at_hand()
    stores = SqlKeys(at_hand), SqlSessions(at_hand), SqlStanding(at_hand), SqlAllowedModels(at_hand)
    return KnownCallers(*stores, idle=idle, open_door=_is_open(settings), run=at_hand.run)


def first_key(settings: Settings) -> str | None:
    """A key for the administrator of a server that wants keys where there never was one; else None."""
    if _is_open(settings):
        return None
    with open_identity(settings) as identity:
        return identity.keys.make_first()


def _is_open(settings: Settings) -> bool:
    """Whether whoever asks is let in. Raises `SettingsError` where anybody on the network could ask."""
    local = settings.host == "localhost" or _is_loopback(settings.host)
    if settings.auth == "none" and not local:
        hint = "Listen on 127.0.0.1, or leave auth to keys: the first start prints one."
        raise SettingsError(f"everybody who reaches {settings.host} could ask.", where="auth", hint=hint)
    return local and settings.auth != "keys"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
