"""Callers who show a key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

from galerne.errors import NotAuthenticated
from galerne.identity.caller import LOCAL_ADMIN, Caller
from galerne.identity.keys import Keys, Opened, digest_of
from galerne.identity.standing import Standing

NOTE_USE = timedelta(minutes=1)
"""How old the last note of a key's use may be before another is made."""

HINT = "Send it as `Authorization: Bearer KEY`; `galerne admin keys create` makes one."


class KeyCallers:
    """Knows the keys' holders, and nobody else; with `open_door`, whoever shows no known key is let in, too."""

    def __init__(
        self,
        keys: Keys,
        standing: Standing,
        *,
        open_door: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._keys = keys
        self._standing = standing
        self.open_door = open_door
        self._clock = clock

    async def identify(self, credential: str | None) -> Caller:
        opened = await asyncio.to_thread(self._keys.find, digest_of(credential)) if credential else None
        if opened is None:
            if self.open_door:
                return LOCAL_ADMIN
            message = "this key is not known." if credential else "a key is needed."
            raise NotAuthenticated(message, where="authorization", hint=HINT)
        await self._check(opened)
        holder = opened.holder
        return Caller(
            holder.workspace,
            holder.organisation,
            user=holder.id,
            key=opened.key.id,
            permissions=opened.permissions,
        )

    async def lost(self, callers: Collection[Caller]) -> set[Caller]:
        named = {caller: {id for id in (caller.user, caller.key) if id is not None} for caller in callers}
        ids = frozenset[str]().union(*named.values())
        ended = await asyncio.to_thread(self._standing.ended, ids, self._clock())
        return {caller for caller in callers if named[caller] & ended}

    async def _check(self, opened: Opened) -> None:
        key, now = opened.key, self._clock()
        if opened.holder.disabled is not None:
            raise NotAuthenticated(
                f"the holder of the key {key.prefix}... was disabled.",
                where="authorization",
                hint="Ask an administrator.",
            )
        if not key.valid(now):
            said = "was revoked" if key.revoked else "has expired"
            raise NotAuthenticated(f"the key {key.prefix}... {said}.", where="authorization", hint="Ask for a new one.")
        if key.last_used is None or now - key.last_used > NOTE_USE:
            await asyncio.to_thread(self._keys.used, key.id, now)
