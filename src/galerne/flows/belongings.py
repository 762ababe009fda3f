"""Folders and saved prompts: made, listed, changed, deleted."""

from __future__ import annotations

import asyncio
import time
from typing import Generic

from galerne.assistant.belongings import Belongings, Thing
from galerne.assistant.chats import new_id
from galerne.flows.owners import owner_of
from galerne.identity.caller import Caller
from galerne.protocol.messages import ProtocolModel


class Keeping(Generic[Thing]):
    """The flow behind `/v1/folders`, or `/v1/prompts`. What names one raises `NotFound`, also for somebody else's."""

    def __init__(self, store: Belongings[Thing], kind: type[Thing], most: int) -> None:
        """A person may have `most` of them."""
        self._store = store
        self._kind = kind
        self._most = most

    async def create(self, fields: ProtocolModel, caller: Caller) -> Thing:
        """Raises `TooLarge` when there are too many already."""
        id = new_id(self._kind.__name__.lower())
        thing = self._kind.model_validate({"id": id, "created_at": time.time(), **fields.model_dump()})
        await asyncio.to_thread(self._store.add, owner_of(caller), thing, self._most)
        return thing

    async def list(self, caller: Caller) -> list[Thing]:
        """In the order of the alphabet."""
        return await asyncio.to_thread(self._store.list, owner_of(caller))

    async def change(self, id: str, fields: ProtocolModel, caller: Caller) -> Thing:
        return await asyncio.to_thread(self._store.change, owner_of(caller), id, fields)

    async def delete(self, id: str, caller: Caller) -> None:
        await asyncio.to_thread(self._store.delete, owner_of(caller), id)
