"""Who may do what: the one table that decides. A role grants permissions; each route asks for one (`api.access`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from galerne.errors import InvalidRequest


class Permission(StrEnum):
    """What a caller may do; the scopes of keys have the same words."""

    MODELS = "models:read"  # see which models there are
    ASK = "chat:ask"  # ask them, or a saved agent, in a chat that the server does not keep
    CHAT = "chat"  # that, and all other ways to ask them and to keep what is said
    AGENTS_READ = "agents:read"
    AGENTS = "agents:manage"
    FILES = "files"
    BATCHES = "batches"
    RECEIPTS = "receipts:read"  # of one's workspace
    KEYS_OWN = "keys:own"
    USAGE_OWN = "usage:own"
    ACCOUNT_OWN = "account:own"  # one's sessions and password, and a copy of all that is kept of one

    USERS_READ = "users:read"  # of all workspaces, like everything below
    USERS = "users:manage"  # workspaces, users, service accounts
    KEYS = "keys:manage"
    USAGE = "usage:read"
    BILLING_READ = "billing:read"  # limits, prices, invoices
    BILLING = "billing:manage"
    AUDIT = "audit:read"
    WITNESS = "audit:witness"  # leave heads of another installation's logs
    MODELS_MANAGE = "models:manage"
    SETTINGS = "settings:read"
    DATA = "data:manage"  # export and erase what is kept of somebody


class Role(StrEnum):
    ADMIN = "admin"
    BILLING = "billing"
    AUDITOR = "auditor"
    MEMBER = "member"
    GUEST = "guest"


ALL = frozenset(Permission)

_EVERYBODY = frozenset({Permission.MODELS, Permission.KEYS_OWN, Permission.USAGE_OWN, Permission.ACCOUNT_OWN})
_GUEST = _EVERYBODY | {Permission.ASK, Permission.CHAT, Permission.AGENTS_READ, Permission.RECEIPTS}
_ACCOUNTS = _EVERYBODY | {Permission.USAGE, Permission.BILLING_READ}

GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.ADMIN: ALL,
    Role.BILLING: _ACCOUNTS | {Permission.BILLING},
    Role.AUDITOR: _ACCOUNTS | {Permission.AUDIT, Permission.RECEIPTS, Permission.USERS_READ, Permission.SETTINGS},
    Role.MEMBER: _GUEST | {Permission.AGENTS, Permission.FILES, Permission.BATCHES},
    Role.GUEST: _GUEST,
}

IN_BATCHES = frozenset({Permission.ASK, Permission.CHAT})
"""What the requests of a batch may do, whoever left them."""


PART_OF = {Permission.ASK: Permission.CHAT}
"""Permissions that come with another one."""


def permissions_of(role: Role, scopes: Iterable[Permission] | None = None) -> frozenset[Permission]:
    """What somebody with this role may do by a key with these scopes (None: all of it). No scope adds anything."""
    granted = GRANTS[role]
    if scopes is None:
        return granted
    wanted = set(scopes)
    return granted & (wanted | {part for part, whole in PART_OF.items() if whole in wanted})


def scopes_of(words: Sequence[str] | None) -> frozenset[Permission] | None:
    """The permissions of these names. Raises `InvalidRequest` for one that is none."""
    if words is None:
        return None
    for place, word in enumerate(words):
        if word not in list(Permission):
            raise InvalidRequest(f"is none of {', '.join(Permission)}.", where=f"scopes[{place}]")
    return frozenset(map(Permission, words))
