"""Users, workspaces and keys -> what clients are told of them."""

from __future__ import annotations

from typing import Any

from galerne.flows.users import Profile
from galerne.identity.caller import Caller
from galerne.identity.directory import User, UserKind, Workspace
from galerne.identity.keys import Key
from galerne.identity.sessions import Session
from galerne.protocol.identity import (
    KeyCard,
    Me,
    MyWorkspace,
    Named,
    NewKey,
    PersonPrincipal,
    ServicePrincipal,
    SessionCard,
    UserCard,
    WhoAmI,
    WorkspaceCard,
)


def who_am_i(profile: Profile) -> WhoAmI:
    user = profile.user
    principal: PersonPrincipal | ServicePrincipal
    if user.kind is UserKind.SERVICE:
        principal = ServicePrincipal(service_account_id=user.id, name=user.name)
    else:
        principal = PersonPrincipal(id=user.id, email=user.email, **_names(user))
    return WhoAmI(principal=principal, organization=organization_of(profile), workspace=workspace_of(profile))


def me(profile: Profile, *, open_door: bool) -> Me:
    user, key = profile.user, profile.key
    return Me(
        id=user.id,
        kind=user.kind.value,
        email=user.email,
        **_names(user),
        name=user.name,
        role=user.role.value,
        permissions=sorted(profile.caller.permissions),
        organization=organization_of(profile),
        workspace=workspace_of(profile),
        api_key=None if key is None else Named(id=key.id, name=key.name),
        auth="open" if open_door else "keys",
    )


def organization_of(profile: Profile) -> Named:
    return Named(id=profile.organisation.id, name=profile.organisation.name)


def workspace_of(profile: Profile) -> MyWorkspace:
    workspace = profile.workspace
    return MyWorkspace(id=workspace.id, name=workspace.name, organization_id=workspace.organisation)


def key_card(key: Key) -> KeyCard:
    return KeyCard(**_key(key))


def new_key(secret: str, key: Key) -> NewKey:
    return NewKey(key=secret, **_key(key))


def session_card(session: Session, caller: Caller) -> SessionCard:
    return SessionCard(
        id=session.id,
        created_at=session.created,
        last_used_at=session.last_used,
        expires_at=session.expires,
        address=session.address,
        agent=session.agent,
        current=session.id == caller.session,
    )


def user_card(user: User) -> UserCard:
    return UserCard(
        object="user" if user.kind is UserKind.PERSON else "service_account",
        id=user.id,
        name=user.name,
        email=user.email,
        workspace=user.workspace,
        role=user.role.value,
        created_at=user.created,
        disabled_at=user.disabled,
    )


def workspace_card(workspace: Workspace) -> WorkspaceCard:
    return WorkspaceCard(
        id=workspace.id, name=workspace.name, created_at=workspace.created, disabled_at=workspace.disabled
    )


def _names(user: User) -> dict[str, Any]:
    first, _, last = user.name.partition(" ")
    return {"first_name": first, "last_name": last or None}


def _key(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "user": key.user,
        "workspace": key.workspace,
        "scopes": None if key.scopes is None else sorted(key.scopes),
        "origins": None if key.origins is None else sorted(key.origins),
        "created_at": key.created,
        "expires_at": key.expires,
        "revoked_at": key.revoked,
        "last_used_at": key.last_used,
    }
