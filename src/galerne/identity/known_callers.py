"""Callers who show a key, or the token of a session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from galerne.errors import NotAuthenticated
from galerne.identity.caller import LOCAL_ADMIN, AllowedModels, Caller
from galerne.identity.directory import User
from galerne.identity.keys import Keys, Opened, digest_of
from galerne.identity.sessions import PREFIX, Session, Sessions, session_caller
from galerne.identity.standing import Standing
from galerne.running import Run

NOTE_USE = timedelta(minutes=1)
"""How old the last note of a use may be before another is made."""

_Found = tuple[Caller | None, Callable[[], None] | None]
"""Whom a credential leads to, and what notes that it was used, where that has to be."""

_NOBODY: _Found = (None, None)

HINT = "Send it as `Authorization: Bearer KEY`; `galerne admin keys create` makes one."


class KnownCallers:
    """Knows the holders of keys and sessions; with `open_door`, whoever shows neither is let in, too."""

    def __init__(
        self,
        keys: Keys,
        sessions: Sessions,
        standing: Standing,
        allowed: AllowedModels,
        *,
        idle: timedelta,
        open_door: bool = False,
        run: Run = asyncio.to_thread,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """A session that is not used for `idle` is over. `run` does what finds callers."""
        self._keys = keys
        self._sessions = sessions
        self._standing = standing
        self._allowed = allowed
        self._idle = idle
        self.open_door = open_door
        self._run = run
        self._clock = clock

    async def identify(self, credential: str | None) -> Caller:
        if credential or self.open_door:
            caller, note = await self._run(self._find, credential)
            if note is not None:
                await asyncio.to_thread(note)
            if caller is not None:
                return caller
        message = "this key or session is not known." if credential else "a key is needed."
        raise NotAuthenticated(message, where="authorization", hint=HINT)

    async def lost(self, callers: Collection[Caller]) -> set[Caller]:
        named = {caller: {id for id in (caller.user, caller.key, caller.session) if id} for caller in callers}
        ids = frozenset[str]().union(*named.values())
        ended = await self._run(self._standing.ended, ids, self._clock())
        return {caller for caller in callers if named[caller] & ended}

    async def again(self, caller: Caller) -> Caller | None:
        return None if await self.lost([caller]) else await self._run(self._with_models, caller)

    def _find(self, credential: str | None) -> _Found:
        """Raises `NotAuthenticated` for what was known once."""
        caller, note = self._holder(credential) if credential else _NOBODY
        if caller is None and self.open_door:
            caller = LOCAL_ADMIN
        return None if caller is None else self._with_models(caller), note

    def _with_models(self, caller: Caller) -> Caller:
        return replace(caller, models=self._allowed.of(caller))

    def _holder(self, credential: str) -> _Found:
        """Of a key or a session."""
        digest = digest_of(credential)
        if credential.startswith(PREFIX):
            session = self._sessions.find(digest)
            return _NOBODY if session is None else self._by_session(*session)
        opened = self._keys.find(digest)
        return _NOBODY if opened is None else self._by_key(opened)

    def _by_session(self, session: Session, user: User) -> _Found:
        now = self._clock()
        if user.disabled is not None or now >= session.expires or now - session.last_used >= self._idle:
            return _NOBODY
        stale = now - session.last_used > NOTE_USE
        return session_caller(session, user), partial(self._sessions.used, session.id, now) if stale else None

    def _by_key(self, opened: Opened) -> _Found:
        key, holder, now = opened.key, opened.holder, self._clock()
        if holder.disabled is not None:
            said, hint = f"the holder of the key {key.prefix}... was disabled.", "Ask an administrator."
            raise NotAuthenticated(said, where="authorization", hint=hint)
        if not key.valid(now):
            said = f"the key {key.prefix}... {'was revoked' if key.revoked else 'has expired'}."
            raise NotAuthenticated(said, where="authorization", hint="Ask for a new one.")
        caller = Caller(
            holder.workspace,
            holder.organisation,
            user=holder.id,
            key=key.id,
            permissions=opened.permissions,
            origins=key.origins,
        )
        stale = key.last_used is None or now - key.last_used > NOTE_USE
        return caller, partial(self._keys.used, key.id, now) if stale else None
