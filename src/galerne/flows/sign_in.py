"""People sign in, set their password, and look after their sessions. The methods block."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from galerne.errors import InvalidRequest, NotAuthenticated, NotFound, TooManyTries
from galerne.flows.auditing import event_of
from galerne.identity.caller import Caller
from galerne.identity.directory import Directory, User, UserKind
from galerne.identity.keys import digest_of
from galerne.identity.passwords import Hasher, Passwords
from galerne.identity.sessions import Invitations, Session, Sessions, Tries, new_session, new_token, session_caller
from galerne.ledger.audit import Action, AuditLog, Event, Party, Result
from galerne.settings import Settings

LONGEST_PASSWORD = 1024
WRONG = "the email address or the password is wrong."


@dataclass(frozen=True, slots=True)
class Origin:
    """Where somebody signs in from. The route sets every field."""

    address: str | None
    agent: str | None  # the program
    request: str | None  # the id of the request


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who is in. `SignIn` sets every field."""

    token: str
    session: Session
    user: User

    @property
    def caller(self) -> Caller:
        return session_caller(self.session, self.user)


@dataclass(frozen=True, slots=True)
class SignInStores:
    """What is kept for it. `bootstrap` sets every field."""

    directory: Directory
    passwords: Passwords
    sessions: Sessions
    invitations: Invitations
    tries: Tries


class SignIn:
    """The flow behind `/v1/sessions`, `/v1/invitations`, `/v1/users/me/password` and `/v1/users/me/sessions`."""

    def __init__(
        self,
        stores: SignInStores,
        hasher: Hasher,
        audit: AuditLog,
        settings: Settings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._stores = stores
        self._hasher = hasher
        self._audit = audit
        self._settings = settings
        self._clock = clock

    def by_password(self, email: str, password: str, origin: Origin) -> SignedIn:
        """Raises `NotAuthenticated`, which tells nothing of whether there is such a person, and `TooManyTries`."""
        account, address = account_of(email), f"address:{origin.address}"
        self._take_try([account, address])
        user = self._user(email)
        hash = None if user is None else self._stores.passwords.get(user.id)
        right = self._hasher.verify(hash, password[:LONGEST_PASSWORD])
        if user is None or hash is None or not right or user.disabled is not None:
            self.note_refusal(email, origin)
            raise NotAuthenticated(WRONG, where="password", hint="Ask an administrator for an invitation.")
        self._stores.tries.forget(account)
        self._stores.tries.give_back(address)
        if self._hasher.stale(hash):
            self._stores.passwords.put(user.id, self._hasher.hash(password), self._clock())
        return self.open_session(user, origin, "password")

    def open_session(self, user: User, origin: Origin, way: str) -> SignedIn:
        """Let somebody in who has shown who they are."""
        now, settings = self._clock(), self._settings
        lifetime = timedelta(hours=settings.session_hours)
        token, session = new_session(user, now, lifetime, origin.address, origin.agent)
        self._stores.sessions.sweep(now, now - timedelta(minutes=settings.session_idle_minutes))
        self._stores.sessions.add(session, digest_of(token))
        party = Party("user", user.id, {} if origin.address is None else {"address": origin.address})
        begun = Event(
            Action.SESSION_BEGUN, party, Party("session", session.id), workspace=user.workspace, request=origin.request,
            details={"way": way},
        )  # fmt: skip
        self._audit.record(begun)
        return SignedIn(token, session, user)

    def note_refusal(self, email: str, origin: Origin) -> None:
        """Have on the audit log that somebody with this address was not let in."""
        who = Party("anyone") if origin.address is None else Party("address", origin.address)
        refused = Event(
            Action.SESSION_REFUSED, who, Party("email", email.lower()[:320]), Result.REFUSED, request=origin.request
        )
        self._audit.record(refused)

    def sessions(self, caller: Caller) -> Sequence[Session]:
        return self._stores.sessions.of(str(caller.user))

    def session(self, caller: Caller) -> Session:
        """The one that the caller asks by. Raises `NotAuthenticated`."""
        for session in self.sessions(caller):
            if session.id == caller.session:
                return session
        raise NotAuthenticated("nobody is signed in.", where="galerne_session", hint="Sign in: POST /v1/sessions.")

    def end(self, id: str, caller: Caller) -> None:
        """Raises `NotFound`, also for a session of somebody else."""
        if not self._stores.sessions.end(id, str(caller.user)):
            raise NotFound(f"there is no session {id[:100]!r}.", where="session")
        self._audit.record(event_of(caller, Action.SESSION_ENDED, Party("session", id)))

    def change_password(self, old: str, new: str, caller: Caller) -> None:
        """All other sessions of the person end. Raises `InvalidRequest`, `TooManyTries`."""
        user = self._stores.directory.user(str(caller.user))
        self._check_new(new, user)
        account = f"change:{user.id}"
        self._take_try([account])
        if not self._hasher.verify(self._stores.passwords.get(user.id), old[:LONGEST_PASSWORD]):
            raise InvalidRequest("is not your password.", where="current_password")
        self._stores.tries.forget(account)
        self._put_password(user, new, keep=caller.session)
        self._audit.record(event_of(caller, Action.PASSWORD_CHANGED, Party("user", user.id)))

    def invite(self, id: str, caller: Caller) -> tuple[str, datetime]:
        """A word with which a person sets their password, once, and until when; an earlier one no longer counts.

        Raises `NotFound`, `Forbidden` for somebody who may do more than the caller.
        """
        user, now = self._stores.directory.user(id), self._clock()
        if user.kind is not UserKind.PERSON:
            raise NotFound(f"there is no user {id[:100]!r}.", where="user")
        caller.check(*user.permissions)
        token, expires = new_token(), now + timedelta(hours=self._settings.invitation_hours)
        self._stores.invitations.put(user.id, digest_of(token), expires)
        self._audit.record(event_of(caller, Action.USER_INVITED, Party("user", user.id)))
        return token, expires

    def accept(self, token: str, password: str, origin: Origin) -> SignedIn:
        """Set the password of whoever was invited, and let them in; all their sessions of before end.

        Raises `InvalidRequest`, `NotAuthenticated` for an invitation that is none (any longer), `TooManyTries`.
        """
        self._check_new(password, None)
        address = f"address:{origin.address}"
        self._take_try([address])
        id = self._stores.invitations.take(digest_of(token), self._clock())
        user = None if id is None else self._stores.directory.user(id)
        if user is None or user.disabled is not None:
            raise NotAuthenticated("this invitation is not known, or was used, or is over.", where="token")
        self._stores.tries.give_back(address)
        self._put_password(user, password, keep=None)
        signed_in = self.open_session(user, origin, "invitation")
        self._audit.record(event_of(signed_in.caller, Action.PASSWORD_CHANGED, Party("user", user.id)))
        return signed_in

    def _user(self, email: str) -> User | None:
        try:
            return self._stores.directory.user_by_email(email)
        except NotFound:
            return None

    def _take_try(self, subjects: Sequence[str]) -> None:
        window = timedelta(minutes=self._settings.sign_in_window_minutes)
        seconds = self._stores.tries.take(subjects, self._settings.sign_in_tries, window, self._clock())
        if seconds:
            raise TooManyTries("there were too many tries.", hint="Try again later.", retry_after=seconds)

    def _check_new(self, password: str, user: User | None) -> None:
        least = self._settings.min_password_chars
        if not least <= len(password) <= LONGEST_PASSWORD:
            raise InvalidRequest(f"has {least} to {LONGEST_PASSWORD} characters.", where="password")
        if user is not None and password.lower() in (user.email, user.name.lower()):
            raise InvalidRequest("is your own name or address.", where="password")

    def _put_password(self, user: User, password: str, keep: str | None) -> None:
        self._stores.passwords.put(user.id, self._hasher.hash(password), self._clock())
        self._stores.sessions.end_all(user.id, but=keep)


def account_of(email: str) -> str:
    """What tries for an address are counted under: not the address itself, which may be nobody's."""
    return f"account:{hashlib.sha256(email.lower().encode(errors='surrogatepass')).hexdigest()}"
