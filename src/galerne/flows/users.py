"""People and service accounts: made, changed, disabled, deleted. The methods block."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from galerne.errors import Forbidden, InvalidRequest, NotFound
from galerne.flows.auditing import event_of
from galerne.flows.names import check_name
from galerne.identity.caller import LOCAL_USER, Caller
from galerne.identity.directory import Directory, Organisation, User, UserChoice, UserKind, Workspace, new_user
from galerne.identity.keys import Key, Keys
from galerne.identity.permissions import GRANTS, Role
from galerne.ledger.audit import Action, AuditLog, Party

EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,255}")


@dataclass(frozen=True, slots=True)
class Profile:
    """Who a caller is. `Users.profile` sets every field."""

    user: User
    workspace: Workspace
    organisation: Organisation
    key: Key | None  # that was shown
    caller: Caller


@dataclass(frozen=True, slots=True)
class UserChange:
    """What changes of a user; None: it stays. Whoever asks for it sets every field."""

    name: str | None = None
    role: Role | None = None
    workspace: str | None = None
    disabled: bool | None = None


class Users:
    """The flow behind `/v1/admin/users`, `/v1/admin/service-accounts`, and `/v1/users/me`.

    Nobody makes or changes a user who may do more than they may themselves: `Forbidden`. An id that is not there, or is
    of the other kind, is `NotFound`.
    """

    def __init__(
        self,
        directory: Directory,
        keys: Keys,
        audit: AuditLog,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._directory = directory
        self._keys = keys
        self._audit = audit
        self._clock = clock

    def profile(self, caller: Caller) -> Profile:
        user = self._directory.user(caller.user or LOCAL_USER)
        return Profile(
            user=user,
            workspace=self._directory.workspace(caller.workspace),
            organisation=self._directory.organisation(),
            key=None if caller.key is None else self._keys.get(caller.key),
            caller=caller,
        )

    def create_person(self, email: str, name: str, workspace: str, role: Role, caller: Caller) -> User:
        """Raises `Taken`, `InvalidRequest`."""
        if not EMAIL.fullmatch(email):
            raise InvalidRequest("is no email address.", where="email")
        return self._create(UserKind.PERSON, email, name, workspace, role, caller)

    def create_service(self, name: str, workspace: str, role: Role, caller: Caller) -> User:
        return self._create(UserKind.SERVICE, None, name, workspace, role, caller)

    def page(self, kind: UserKind, workspace: str | None, page: int, size: int) -> Sequence[User]:
        """The newest first."""
        return self._directory.users(UserChoice(kind, workspace), page * size, size)

    def get(self, id: str, kind: UserKind) -> User:
        user = self._directory.user(id)
        if user.kind is not kind:
            raise NotFound(f"there is no user {id[:100]!r}.", where="user")
        return user

    def change(self, id: str, kind: UserKind, change: UserChange, caller: Caller) -> User:
        """Whoever is disabled is refused from now on, and what is under way for them ends within a second."""
        user = self.get(id, kind)
        check_name(change.name or user.name)
        _check_rank(user, caller)
        role = change.role or user.role
        caller.check(*GRANTS[role])
        if id == LOCAL_USER and (change.role, change.workspace, change.disabled) != (None, None, None):
            raise Forbidden("this machine's own administrator has a name that may be changed, and nothing else.")
        workspace = user.workspace if change.workspace is None else self._workspace(change.workspace).id
        disabled = {None: user.disabled, False: None, True: user.disabled or self._clock()}[change.disabled]
        changed = replace(user, name=change.name or user.name, role=role, workspace=workspace, disabled=disabled)
        self._directory.put_user(changed)
        for action in _actions(user, changed):
            self._note(action, user, caller)
        return self._directory.user(id)

    def delete(self, id: str, kind: UserKind, caller: Caller) -> None:
        """And their keys, sessions and password. What they made is their workspace's, and stays."""
        user = self.get(id, kind)
        _check_rank(user, caller)
        if id == LOCAL_USER:
            raise Forbidden("this machine's own administrator stays.")
        self._directory.remove_user(id)
        self._note(Action.USER_REMOVED, user, caller)

    def _create(self, kind: UserKind, email: str | None, name: str, workspace: str, role: Role, caller: Caller) -> User:
        check_name(name)
        caller.check(*GRANTS[role])
        user = new_user(kind, self._workspace(workspace), role, name, email, self._clock())
        self._directory.add_user(user)
        self._note(Action.USER_MADE, user, caller)
        return user

    def _workspace(self, id: str) -> Workspace:
        """Which a user shall be in. Raises `InvalidRequest`: not what is asked for is missing, but what it names."""
        try:
            return self._directory.workspace(id)
        except NotFound as missing:
            raise InvalidRequest(missing.message, where="workspace") from None

    def _note(self, action: Action, user: User, caller: Caller) -> None:
        self._audit.record(event_of(caller, action, Party("user", user.id)))


def _actions(before: User, after: User) -> Iterator[Action]:
    """What was done to a user."""
    if (before.name, before.workspace) != (after.name, after.workspace):
        yield Action.USER_CHANGED
    if before.role != after.role:
        yield Action.ROLE_CHANGED
    if (before.disabled is None) != (after.disabled is None):
        yield Action.USER_ENABLED if after.disabled is None else Action.USER_DISABLED


def _check_rank(user: User, caller: Caller) -> None:
    caller.check(*user.permissions)
