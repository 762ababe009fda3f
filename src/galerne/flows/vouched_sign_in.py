"""People sign in at a provider that vouches for them. The methods block.

begin -> the person signs in there -> finish: find out who it is, find or make the user, let them in
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from galerne.errors import Forbidden, InvalidRequest, NotAuthenticated, NotFound
from galerne.flows.sign_in import Origin, SignedIn, SignIn
from galerne.flows.users import EMAIL
from galerne.identity.caller import DEFAULT_WORKSPACE
from galerne.identity.directory import Directory, User, UserKind, new_user
from galerne.identity.keys import digest_of
from galerne.identity.permissions import Role
from galerne.identity.provider import Provider, new_request
from galerne.identity.vouched import Links, RoleRule, SignInRequests
from galerne.ledger.audit import SERVER, Action, AuditLog, Event, Party

TIME = timedelta(minutes=10)
"""How long a person may take at the provider."""

PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
"""A path of ours: an address of another site could be made to look like one with two slashes, or a backslash."""


class VouchedSignIn:
    """The flow behind `/v1/oidc`."""

    def __init__(
        self,
        provider: Provider,
        rule: RoleRule,
        requests: SignInRequests,
        links: Links,
        directory: Directory,
        sign_in: SignIn,
        audit: AuditLog,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._provider = provider
        self._rule = rule
        self._requests = requests
        self._links = links
        self._directory = directory
        self._sign_in = sign_in
        self._audit = audit
        self._clock = clock

    def begin(self, redirect_uri: str, next: str) -> tuple[str, str]:
        """Where to send the person, and the state that their browser has to show when they come back.

        Raises `InvalidRequest` for a `next` that is no path of ours, and `Unavailable`.
        """
        if not PATH.fullmatch(next):
            raise InvalidRequest("is no path of this server.", where="next")
        request, state, now = new_request(redirect_uri, next), secrets.token_urlsafe(32), self._clock()
        url = self._provider.authorization_url(request, state)
        self._requests.put(digest_of(state), request, now, now + TIME)
        return url, state

    def finish(self, code: str, state: str, shown: str | None, origin: Origin) -> tuple[SignedIn, str]:
        """Let the person in, and where they wanted to go. `shown` is the state that their browser kept.

        Raises `NotAuthenticated`, `Forbidden` for a person whom nobody let in, `Unavailable`.
        """
        if not hmac.compare_digest((shown or "").encode(), state.encode()):
            raise NotAuthenticated("this sign-in was begun in another browser.", where="state", hint="Begin again.")
        request = self._requests.take(digest_of(state), self._clock())
        if request is None:
            raise NotAuthenticated("this sign-in is not known, or over.", where="state", hint="Begin again.")
        claims = self._provider.claims(code, request)
        try:
            user = self._admitted(claims)
        except Forbidden:
            self._sign_in.note_refusal(str(claims.get("email", "")), origin)
            raise
        return self._sign_in.open_session(user, origin, "oidc"), request.next

    def logout_url(self, back: str) -> str | None:
        """Where to sign out at the provider, too."""
        return self._provider.logout_url(back)

    def _admitted(self, claims: Mapping[str, Any]) -> User:
        user = self._user(claims)
        if user.disabled is not None:
            raise Forbidden("this user is disabled.", hint="Ask an administrator.")
        return user

    def _user(self, claims: Mapping[str, Any]) -> User:
        """Whom the provider means: by its own name for them or, the first time, by their verified address."""
        role, subject = self._rule.role(claims), str(claims["sub"])
        if role is None:
            raise Forbidden("you are in no group that may come in.", hint="Ask an administrator.")
        known = self._links.user(self._provider.issuer, subject)
        if known is not None:
            return self._with_role(self._directory.user(known), role)
        email = str(claims.get("email", "")).lower()
        if not EMAIL.fullmatch(email) or claims.get("email_verified") is not True:
            raise Forbidden("the provider has not verified your email address.", hint="Ask who runs it.")
        user = self._found_or_made(email, claims, role)
        if self._links.subject(self._provider.issuer, user.id) is not None:  # the address went to somebody else
            hint = "Ask an administrator: the user of before must go first."
            raise Forbidden("the provider knew the user with your email address as somebody else.", hint=hint)
        self._links.put(self._provider.issuer, subject, user.id)
        return self._with_role(user, role)

    def _found_or_made(self, email: str, claims: Mapping[str, Any], role: Role) -> User:
        try:
            return self._directory.user_by_email(email)
        except NotFound:
            workspace = self._directory.workspace(DEFAULT_WORKSPACE)
            user = new_user(UserKind.PERSON, workspace, role, _name(claims, email), email, self._clock())
            self._directory.add_user(user)
            self._audit.record(Event(Action.USER_MADE, SERVER, Party("user", user.id), workspace=user.workspace))
            return user

    def _with_role(self, user: User, role: Role) -> User:
        """Where groups say who may do what, they do so each time."""
        if not self._rule.roles or role is user.role:
            return user
        self._directory.put_user(replace(user, role=role))
        self._audit.record(Event(Action.ROLE_CHANGED, SERVER, Party("user", user.id), details={"role": role.value}))
        return replace(user, role=role)


def _name(claims: Mapping[str, Any], email: str) -> str:
    """What the person is called, in one line as names here are; else their address."""
    told = re.sub(r"[\x00-\x1f\x7f]+", " ", str(claims.get("name") or "")).strip()
    return (told or email)[:128].strip()
