"""Users, service accounts, workspaces, keys: what clients say of them and what they are told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from galerne.protocol.answers import AnswerModel
from galerne.protocol.messages import ProtocolModel

Name = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]*$")]
Email = Annotated[str, StringConstraints(min_length=3, max_length=320, pattern=r"^[^\x00-\x1f\s]*$")]
Word = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f]*$")]
RoleName = Literal["admin", "billing", "auditor", "member", "guest"]


class Named(AnswerModel):
    id: str
    name: str | None


class PersonPrincipal(AnswerModel):
    principal_type: Literal["user"] = "user"
    id: str
    email: str | None
    first_name: str
    last_name: str | None


class ServicePrincipal(AnswerModel):
    principal_type: Literal["service_account"] = "service_account"
    service_account_id: str
    name: str


class WhoAmI(AnswerModel):
    """Who the key or the session belongs to, in `mistralai`'s words."""

    principal: PersonPrincipal | ServicePrincipal = Field(discriminator="principal_type")
    organization: Named
    workspace: Named


class Me(AnswerModel):
    """The same as a user, with what a page needs to know besides."""

    id: str
    kind: Literal["person", "service"]
    email: str | None
    first_name: str
    last_name: str | None
    name: str
    role: RoleName
    permissions: list[str]  # of this caller: of the role, within the key's scopes
    organization: Named
    workspace: Named
    api_key: Named | None
    auth: Literal["open", "keys"]  # open: whoever asks is let in


class MyWorkspace(Named):
    organization_id: str


class MyOrganizations(AnswerModel):
    organizations: list[Named]


class MyWorkspaces(AnswerModel):
    workspaces: list[MyWorkspace]


class KeyFields(ProtocolModel):
    name: Name
    scopes: list[Word] | None = Field(None, description="Permissions; by default all of the holder's.", max_length=100)
    expires_at: AwareDatetime | None = Field(None, description="By default never.")
    origins: list[Annotated[str, StringConstraints(max_length=300)]] | None = Field(
        None,
        description="Web origins on whose pages a browser may show it.",
        min_length=1,
        max_length=100,
    )


class KeyOrder(KeyFields):
    user: Word = Field(description="The id of the user or service account that will hold it.")


class KeyRotation(ProtocolModel):
    overlap_seconds: int | None = Field(
        None, ge=0, le=365 * 86_400, description="How long the old secret still counts; by default as the settings say."
    )


class KeyCard(AnswerModel):
    object: Literal["api_key"] = "api_key"
    id: str
    name: str
    prefix: str  # of the secret
    user: str
    workspace: str
    scopes: list[str] | None
    origins: list[str] | None
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None
    last_used_at: AwareDatetime | None


class NewKey(KeyCard):
    key: str  # the secret: this once


class KeyPage(AnswerModel):
    object: Literal["list"] = "list"
    data: list[KeyCard]


class PersonFields(ProtocolModel):
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,255}$")]
    name: Name
    workspace: Word = "default"
    role: RoleName = "member"


class ServiceFields(ProtocolModel):
    name: Name
    workspace: Word = "default"
    role: RoleName = "member"


class UserChanges(ProtocolModel):
    """What is not said stays."""

    name: Name | None = None
    workspace: Word | None = None
    role: RoleName | None = None
    disabled: bool | None = None


class UserCard(AnswerModel):
    object: Literal["user", "service_account"]
    id: str
    name: str
    email: str | None
    workspace: str
    role: RoleName
    created_at: AwareDatetime
    disabled_at: AwareDatetime | None


class UserPage(AnswerModel):
    object: Literal["list"] = "list"
    data: list[UserCard]


class WorkspaceFields(ProtocolModel):
    id: Word
    name: Name | None = None


class WorkspaceChanges(ProtocolModel):
    name: Name | None = None
    disabled: bool | None = None


class WorkspaceCard(AnswerModel):
    object: Literal["workspace"] = "workspace"
    id: str
    name: str
    created_at: AwareDatetime
    disabled_at: AwareDatetime | None


class WorkspacePage(AnswerModel):
    object: Literal["list"] = "list"
    data: list[WorkspaceCard]


class OrganisationFields(ProtocolModel):
    name: Name


class RoleCard(AnswerModel):
    object: Literal["role"] = "role"
    id: RoleName
    permissions: list[str]


class RoleList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[RoleCard]


class Credentials(ProtocolModel):
    email: Email
    password: str = Field(max_length=1024)


class InvitationAnswer(ProtocolModel):
    token: str = Field(max_length=128)
    password: str = Field(max_length=1024)


class PasswordChange(ProtocolModel):
    current_password: str = Field(max_length=1024)
    new_password: str = Field(max_length=1024)


class SignedInUser(Me):
    """Somebody who is signed in."""

    csrf_token: str


class SessionCard(AnswerModel):
    object: Literal["session"] = "session"
    id: str
    created_at: AwareDatetime
    last_used_at: AwareDatetime
    expires_at: AwareDatetime
    address: str | None
    agent: str | None
    current: bool  # the one that asks


class SessionList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[SessionCard]


class Invitation(AnswerModel):
    token: str  # this once: with it, the person sets a password
    expires_at: AwareDatetime


class InvitedUser(UserCard):
    invitation: Invitation


class ProviderWay(AnswerModel):
    name: str  # for people
    url: str  # where a browser begins


class SignInWays(AnswerModel):
    password: bool
    oidc: ProviderWay | None


class LogoutAddress(AnswerModel):
    url: str | None
