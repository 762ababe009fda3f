"""Conversations: begun, gone on with, begun again from an entry; looked at and deleted.

find who answers -> put the entries so far to them -> keep what is said
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from galerne.agents.agent import AgentStore
from galerne.agents.inputs import entries_of
from galerne.agents.threads import Thread, Threads, new_id, now
from galerne.agents.turn import Passing, Turn
from galerne.agents.turn_events import TurnEvent
from galerne.errors import NotFound
from galerne.flows.cast import Cast
from galerne.flows.chat import Chat
from galerne.flows.chat_answers import ChatAnswers
from galerne.flows.limits import check_limit
from galerne.flows.record import recording
from galerne.identity.caller import Caller
from galerne.identity.permissions import Permission
from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.conversations import (
    ConversationAppendRequest,
    ConversationFields,
    ConversationRequest,
    ConversationRestartRequest,
    Inputs,
    TurnFields,
)
from galerne.protocol.entries import Entry
from galerne.protocol.metadata import Metadata
from galerne.settings import Settings

ENDPOINT = "/v1/conversations"

Conversation = Thread[ConversationFields]


class Conversations:
    """The flow behind `/v1/conversations`. What begins a turn gives its events, and the conversation's id in the first.

    Raises, where it asks a model, what a chat raises.
    """

    def __init__(
        self, threads: Threads[ConversationFields], agents: AgentStore, chat: Chat, settings: Settings
    ) -> None:
        self._threads = threads
        self._agents = agents
        self._chat = chat
        self._settings = settings

    async def start(self, request: ConversationRequest, caller: Caller) -> AsyncGenerator[TurnEvent]:
        """Begin one. Raises `Forbidden` where it would be kept and the caller may but ask."""
        if request.store is not False:
            caller.check(Permission.CHAT)
        said = {name: getattr(request, name) for name in ConversationFields.model_fields}
        about = ConversationFields.model_construct(**{name: value for name, value in said.items() if value is not None})
        thread = Thread(new_id("conv"), caller.workspace, now(), now(), None, about)
        async with aclosing(self._open(thread, [], request, None, caller)) as events:
            async for event in events:
                yield event

    async def restart(self, id: str, request: ConversationRestartRequest, caller: Caller) -> AsyncGenerator[TurnEvent]:
        """Begin one that shares the beginning of another. Raises `NotFound`."""
        old = await self.find(id, caller)
        shared = _up_to(request.from_entry_id, await self._entries(old))
        changes = request.model_dump(include={"metadata", "agent_version"}, exclude_none=True)
        about = old.about.model_copy(update=changes)
        thread = Thread(new_id("conv"), caller.workspace, now(), now(), request.from_entry_id, about)
        async with aclosing(self._open(thread, shared, request, request.completion_args, caller)) as events:
            async for event in events:
                yield event

    async def append(self, id: str, request: ConversationAppendRequest, caller: Caller) -> AsyncGenerator[TurnEvent]:
        """Go on with one. Raises `NotFound`, and `Busy` while it is being answered."""
        inputs = self._inputs(request.inputs)
        async with recording(self._threads, self._settings.turn_lease_seconds, caller.user) as record:
            kept = request.store is not False
            thread = await (record.claim(caller.workspace, id) if kept else self.find(id, caller))
            entries = [*await self._entries(thread), *inputs]
            turn = await self._turn(thread, entries, request, request.completion_args, caller)
            async with aclosing(record.write(turn, inputs) if kept else turn.events()) as events:
                async for event in events:
                    yield event

    async def find(self, id: str, caller: Caller) -> Conversation:
        """Raises `NotFound`."""
        return await asyncio.to_thread(self._threads.find, caller.workspace, id)

    async def page(self, number: int, size: int, metadata: Metadata, caller: Caller) -> list[Conversation]:
        """The newest come first, on page 0."""
        check_limit("page_size", size, self._settings.max_page_size)
        return await asyncio.to_thread(self._threads.page, caller.workspace, number * size, size, metadata)

    async def history(self, id: str, caller: Caller) -> list[Entry]:
        """All entries. Raises `NotFound`."""
        return await self._entries(await self.find(id, caller))

    async def delete(self, id: str, caller: Caller) -> None:
        """Raises `NotFound`."""
        await asyncio.to_thread(self._threads.delete, caller.workspace, id)

    async def _open(
        self,
        thread: Conversation,
        shared: Sequence[Entry],
        request: ConversationRequest | ConversationRestartRequest,
        completion_args: CompletionArgs | None,
        caller: Caller,
    ) -> AsyncGenerator[TurnEvent]:
        check_limit("metadata", len(thread.about.metadata or {}), self._settings.max_metadata)
        inputs = self._inputs(request.inputs)
        turn = await self._turn(thread, [*shared, *inputs], request, completion_args, caller)
        async with recording(self._threads, self._settings.turn_lease_seconds, caller.user) as record:
            events = turn.events() if request.store is False else record.write(turn, inputs, opens=thread)
            async with aclosing(events):
                async for event in events:
                    yield event

    def _inputs(self, inputs: Inputs | None) -> list[Entry]:
        entries = [] if inputs is None else entries_of(inputs)
        check_limit("inputs", len(entries), self._settings.max_messages)
        return entries

    async def _entries(self, thread: Conversation) -> list[Entry]:
        return await asyncio.to_thread(self._threads.history, thread.head)

    async def _turn(
        self,
        thread: Conversation,
        entries: Sequence[Entry],
        request: TurnFields,
        completion_args: CompletionArgs | None,
        caller: Caller,
    ) -> Turn:
        cast = Cast(thread.about, completion_args, self._agents, caller.workspace)
        passing = Passing(cast, self._settings.max_handoffs, by_client=request.handoff_execution == "client")
        participant, answers = await cast.answers(entries), ChatAnswers(self._chat, caller, ENDPOINT)
        return Turn(thread.id, entries, participant, answers, passing, where="inputs")


def _up_to(id: str, entries: Sequence[Entry]) -> list[Entry]:
    for place, entry in enumerate(entries):
        if entry.id == id:
            return list(entries[: place + 1])
    raise NotFound(f"the conversation has no entry {id[:100]!r}.", where="from_entry_id")
