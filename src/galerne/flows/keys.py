"""Keys: made, looked at, rotated, revoked; one's own, and those of others. The methods block."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from galerne.errors import Forbidden, InvalidRequest, NotFound
from galerne.flows.auditing import event_of
from galerne.flows.names import check_name
from galerne.identity.caller import LOCAL_ADMIN, LOCAL_USER, Caller
from galerne.identity.directory import Directory, User
from galerne.identity.keys import SHOWN, Key, Keys, digest_of, make_key, new_secret
from galerne.identity.permissions import Permission
from galerne.ledger.audit import Action, AuditLog, Party

ORIGIN = re.compile(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?")
"""As browsers spell it: a scheme, a host, a port where it is not the usual one."""


class KeyRing:
    """The flow behind `/v1/users/me/keys`, `/v1/admin/keys` and `galerne admin keys`."""

    def __init__(
        self,
        keys: Keys,
        directory: Directory,
        audit: AuditLog,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keys = keys
        self._directory = directory
        self._audit = audit
        self._clock = clock

    def make(
        self,
        name: str,
        holder: str,
        caller: Caller,
        *,
        scopes: frozenset[Permission] | None = None,
        expires: datetime | None = None,
        origins: frozenset[str] | None = None,
    ) -> tuple[str, Key]:
        """A new key for a user: its secret, which nobody can look up later, and what is known of it.

        It lets nobody do more than whoever makes it may: `scopes` None gives all that holder and maker may both do,
        `origins` None those of the key that the maker shows. Browsers may show it on pages of these alone.
        Raises `NotFound`, `Forbidden`, `InvalidRequest`.
        """
        check_name(name)
        user, now = self._directory.user(holder), self._clock()
        scopes, origins = _scopes(scopes, user, caller), _origins(origins, caller)
        secret, key = make_key(name, user, scopes, now, _end(expires, now), origins)
        self._keys.add(key, digest_of(secret))
        self._note(Action.KEY_MADE, key, caller)
        return secret, key

    def make_first(self) -> str | None:
        """A key for this machine's own administrator, if there never was any key; its secret is told this once."""
        holder = self._directory.user(LOCAL_USER)
        secret, key = make_key("first key", holder, None, self._clock(), None)
        if not self._keys.add_first(key, digest_of(secret)):
            return None
        self._note(Action.KEY_MADE, key, LOCAL_ADMIN)
        return secret

    def page(self, user: str | None, page: int, size: int) -> Sequence[Key]:
        """The newest first; `user` None: everybody's."""
        return self._keys.page(user, page * size, size)

    def get(self, id: str, user: str | None = None) -> Key:
        """Raises `NotFound`, also for a key that is not this user's."""
        key = self._keys.get(id)
        if user is not None and key.user != user:
            raise NotFound(f"there is no key {id[:100]!r}.", where="key")
        return key

    def rotate(self, id: str, overlap: timedelta, caller: Caller, user: str | None = None) -> tuple[str, Key]:
        """Another secret for the key; the old one still opens it for the overlap.

        Raises `NotFound`, `Forbidden` for a key that may do more than the caller, `InvalidRequest` for one that ended.
        """
        key, now = self.get(id, user), self._clock()
        if not key.valid(now):
            raise InvalidRequest("the key is not valid any longer.", where="key", hint="Make a new one.")
        holder = self._directory.user(key.user)
        caller.check(*(holder.permissions if key.scopes is None else holder.permissions & key.scopes))
        secret = new_secret()
        self._keys.rotate(id, digest_of(secret), secret[:SHOWN], now + overlap)
        self._note(Action.KEY_ROTATED, key, caller)
        return secret, self._keys.get(id)

    def revoke(self, id: str, caller: Caller, user: str | None = None) -> Key:
        """What is under way by it ends within a second. One that was revoked before stays so. Raises `NotFound`."""
        key = self.get(id, user)
        if self._keys.revoke(id, self._clock()):
            self._note(Action.KEY_REVOKED, key, caller)
        return self._keys.get(id)

    def _note(self, action: Action, key: Key, caller: Caller) -> None:
        self._audit.record(event_of(caller, action, Party("key", key.id)))


def _end(expires: datetime | None, now: datetime) -> datetime | None:
    """In UTC, as times are kept. Raises `InvalidRequest`."""
    try:
        end = None if expires is None else expires.astimezone(UTC)
    except OverflowError:
        raise InvalidRequest("is too far away.", where="expires_at") from None
    if end is not None and end <= now:
        raise InvalidRequest("is over already.", where="expires_at")
    return end


def _scopes(wanted: frozenset[Permission] | None, holder: User, caller: Caller) -> frozenset[Permission] | None:
    """The scopes of a new key. Raises `Forbidden`."""
    if wanted is None:
        return None if holder.permissions <= caller.permissions else holder.permissions & caller.permissions
    beyond = sorted(wanted - (holder.permissions & caller.permissions))
    if beyond:
        raise Forbidden(f"the key would have the scopes {', '.join(beyond)}, which its holder or you do not have.")
    return wanted


def _origins(wanted: frozenset[str] | None, caller: Caller) -> frozenset[str] | None:
    """The origins of a new key. Raises `Forbidden`, `InvalidRequest`."""
    if wanted is None:
        return caller.origins
    if wrong := sorted(origin for origin in wanted if not ORIGIN.fullmatch(origin)):
        hint = "Name a scheme and a host, perhaps a port: https://www.town.example"
        raise InvalidRequest(f"{wrong[0][:100]!r} is no web origin.", where="origins", hint=hint)
    if caller.origins is not None and (beyond := sorted(wanted - caller.origins)):
        raise Forbidden(f"the key would be good on pages of {', '.join(beyond)}, which yours is not.", where="origins")
    return wanted
