"""`/v1/admin/users` and `/v1/admin/service-accounts`."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Query, Request

from galerne.api.access import needs
from galerne.api.body import read
from galerne.api.caller import caller_of
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.identity_cards import user_card
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, Forbidden, NotFound, Taken, TooLarge
from galerne.flows.limits import check_limit
from galerne.flows.sign_in import SignIn
from galerne.flows.users import UserChange, Users
from galerne.identity.directory import UserKind
from galerne.identity.permissions import GRANTS, Permission, Role
from galerne.protocol.identity import (
    Invitation,
    InvitedUser,
    PersonFields,
    RoleCard,
    RoleList,
    ServiceFields,
    UserCard,
    UserChanges,
    UserPage,
    Word,
)
from galerne.protocol.pages import PageQuery
from galerne.settings import Settings

_MANAGING = [needs(Permission.USERS)]
_FINDING = fails(NotFound, DatabaseUnavailable)
_MAKING = fails(*READING, *KEEPING, Forbidden, NotFound, Taken)


class UserQuery(PageQuery):
    workspace: Word | None = None


def admin_user_routes(users: Users, sign_in: SignIn, settings: Settings) -> Router:
    router = Router(tags=["admin"], dependencies=[needs(Permission.USERS_READ)])

    @router.get("/v1/admin/roles")
    async def list_roles() -> RoleList:
        """The roles, and what each may do."""
        return RoleList(data=[RoleCard(id=role.value, permissions=sorted(GRANTS[role])) for role in Role])

    @router.post("/v1/admin/users", responses=_MAKING, openapi_extra=takes(PersonFields), dependencies=_MANAGING)
    async def create_user(http: Request) -> InvitedUser:
        """Let a person in: `invitation` is a word with which they set their password, told this once."""
        fields, caller = await read(PersonFields, http, settings), caller_of(http)
        who = (fields.email, fields.name, fields.workspace, Role(fields.role))
        user = await asyncio.to_thread(users.create_person, *who, caller)
        token, expires = await asyncio.to_thread(sign_in.invite, user.id, caller)
        invitation = Invitation(token=token, expires_at=expires)
        return InvitedUser(**dict(user_card(user)), invitation=invitation)

    @router.post(
        "/v1/admin/users/{id}/invitation",
        responses=fails(NotFound, Forbidden, *KEEPING),
        dependencies=_MANAGING,
    )
    async def invite_user(id: Id, http: Request) -> Invitation:
        """Another word with which a person sets their password; one of before no longer counts."""
        token, expires = await asyncio.to_thread(sign_in.invite, id, caller_of(http))
        return Invitation(token=token, expires_at=expires)

    @router.post(
        "/v1/admin/service-accounts", responses=_MAKING, openapi_extra=takes(ServiceFields), dependencies=_MANAGING
    )
    async def create_service_account(http: Request) -> UserCard:
        """An account for a program, which holds keys."""
        fields, caller = await read(ServiceFields, http, settings), caller_of(http)
        who = (fields.name, fields.workspace, Role(fields.role))
        return user_card(await asyncio.to_thread(users.create_service, *who, caller))

    _for_each(router, "/v1/admin/users", UserKind.PERSON, users, settings)
    _for_each(router, "/v1/admin/service-accounts", UserKind.SERVICE, users, settings)
    return router


def _for_each(router: Router, path: str, kind: UserKind, users: Users, settings: Settings) -> None:
    """What is the same for people and for programs."""
    name = "user" if kind is UserKind.PERSON else "service_account"

    @router.get(path, responses=fails(TooLarge, DatabaseUnavailable), name=f"list_{name}s")
    async def list_users(query: Annotated[UserQuery, Query()]) -> UserPage:
        """The newest first."""
        check_limit("page_size", query.page_size, settings.max_page_size)
        found = await asyncio.to_thread(users.page, kind, query.workspace, query.page, query.page_size)
        return UserPage(data=[user_card(user) for user in found])

    @router.get(f"{path}/{{id}}", responses=_FINDING, name=f"show_{name}")
    async def show_user(id: Id) -> UserCard:
        """What is known of them."""
        return user_card(await asyncio.to_thread(users.get, id, kind))

    @router.patch(
        f"{path}/{{id}}",
        responses=_MAKING,
        openapi_extra=takes(UserChanges),
        dependencies=_MANAGING,
        name=f"change_{name}",
    )
    async def change_user(id: Id, http: Request) -> UserCard:
        """Change the name, role or workspace, disable, or enable again."""
        changes, caller = await read(UserChanges, http, settings), caller_of(http)
        role = None if changes.role is None else Role(changes.role)
        change = UserChange(changes.name, role, changes.workspace, changes.disabled)
        return user_card(await asyncio.to_thread(users.change, id, kind, change, caller))

    @router.delete(
        f"{path}/{{id}}",
        status_code=204,
        responses=fails(NotFound, Forbidden, *KEEPING),
        dependencies=_MANAGING,
        name=f"delete_{name}",
    )
    async def delete_user(id: Id, http: Request) -> None:
        """Delete them, their keys and sessions. What they made is their workspace's, and stays."""
        await asyncio.to_thread(users.delete, id, kind, caller_of(http))
