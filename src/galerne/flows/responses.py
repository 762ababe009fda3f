"""Responses: asked for, gone on from, looked at, cancelled, deleted.

A response is a thread of its own: the entries of the one that it goes on from, its input, its output.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final

from galerne.agents.participant import Participant
from galerne.agents.threads import Thread, Threads, new_id, now
from galerne.agents.turn import Turn
from galerne.agents.turn_events import TurnEnd, TurnEvent, TurnStart
from galerne.errors import Busy, GalerneError
from galerne.flows.chat import Chat
from galerne.flows.chat_answers import ChatAnswers
from galerne.flows.items import entries_of_items
from galerne.flows.limits import check_limit
from galerne.flows.record import recording
from galerne.flows.underway import Underway
from galerne.identity.caller import Caller
from galerne.protocol.entries import Entry
from galerne.protocol.responses import (
    AskedFields,
    IncompleteDetails,
    InputTokensDetails,
    InputTokensRequest,
    KeptResponse,
    OutputTokensDetails,
    ResponseFailure,
    ResponseFields,
    ResponseRequest,
    ResponseUsage,
)
from galerne.settings import Settings

ENDPOINT = "/v1/responses"
IN_PROGRESS: Final = "in_progress"


@dataclass(frozen=True, slots=True)
class Response:
    """A response at one moment. The flow sets every field."""

    thread: Thread[KeptResponse]
    output: Sequence[Entry]


ResponseEvent = Response | TurnEvent
"""A `Response` comes first and last; between them is what happens in the turn."""


class Responses:
    """The flow behind `/v1/responses`. What finds a response raises `NotFound`, also for another workspace's."""

    def __init__(self, threads: Threads[KeptResponse], chat: Chat, settings: Settings) -> None:
        self._threads = threads
        self._chat = chat
        self._settings = settings
        self._underway: dict[str, Underway[ResponseEvent]] = {}

    async def create(self, request: ResponseRequest, caller: Caller) -> AsyncGenerator[ResponseEvent]:
        """Closing it cancels the response, unless it is one in the `background`.

        Raises `NotFound`, `Busy`, and what a chat raises.
        """
        check_limit("metadata", len(request.metadata or {}), self._settings.max_metadata)
        inputs, entries = await self._entries(request, caller)
        id = new_id("resp")
        turn = self._turn(id, request, entries, caller)
        head = entries[-len(inputs) - 1].id if len(entries) > len(inputs) else None
        thread = Thread(id, caller.workspace, now(), now(), head, _kept(request, asked=str(entries[-1].id)))
        answer = _Answer(thread, turn, inputs, caller.user)
        work = Underway(self._answered(answer, kept=request.store is not False))
        self._underway[id] = work
        try:
            async with aclosing(work.events()) as events:
                async for event in events:
                    yield event
            if work.stopped:
                yield answer.ended(asyncio.CancelledError())
        finally:
            if not request.background:
                await work.stop()

    async def count(self, request: InputTokensRequest, caller: Caller) -> int:
        """The tokens of the prompt that such a request would make. Raises what `create` raises before it answers."""
        _, entries = await self._entries(request, caller)
        turn = self._turn(new_id("resp"), request, entries, caller)
        return await self._answers(caller).count(turn.question)

    async def find(self, id: str, caller: Caller) -> Response:
        """A response, as far as it has come."""
        thread = await asyncio.to_thread(self._threads.find, caller.workspace, id)
        entries = await asyncio.to_thread(self._threads.history, thread.head)
        return Response(_lost(thread), entries[_place(thread.about.asked, entries) + 1 :])

    async def input(self, id: str, caller: Caller) -> Sequence[Entry]:
        """All entries that it answers."""
        thread = await asyncio.to_thread(self._threads.find, caller.workspace, id)
        return await asyncio.to_thread(self._threads.history, thread.about.asked)

    async def cancel(self, id: str, caller: Caller) -> Response:
        """Stop a response; one that has ended stays as it is. Raises `Busy` when another node answers it."""
        response = await self.find(id, caller)
        if response.thread.about.status != IN_PROGRESS:
            return response
        work = self._underway.get(id)
        if work is None:
            raise Busy("another node of this server answers it.", where=id)
        await work.stop()
        return await self.find(id, caller)

    async def delete(self, id: str, caller: Caller) -> None:
        """Delete a response; one that is under way is stopped. Responses that go on from it stay as they are."""
        await asyncio.to_thread(self._threads.delete, caller.workspace, id)
        if (work := self._underway.get(id)) is not None:
            await work.stop()

    async def close(self) -> None:
        """Stop all that is under way in the background."""
        await asyncio.gather(*(work.stop() for work in list(self._underway.values())))

    async def _entries(
        self, request: ResponseRequest | InputTokensRequest, caller: Caller
    ) -> tuple[list[Entry], list[Entry]]:
        """What is said with the request; the same behind what was said before."""
        inputs = entries_of_items(request.input or [])
        check_limit("input", len(inputs), self._settings.max_messages)
        return inputs, [*await self._before(request.previous_response_id, caller), *inputs]

    def _turn(self, id: str, request: AskedFields, entries: Sequence[Entry], caller: Caller) -> Turn:
        args, tools = request.completion_args, request.chat_tools
        participant = Participant(request.model, request.instructions, args, tools)
        return Turn(id, entries, participant, self._answers(caller), where="input", answer_id=id)

    def _answers(self, caller: Caller) -> ChatAnswers:
        return ChatAnswers(self._chat, caller, ENDPOINT)

    async def _before(self, id: str | None, caller: Caller) -> Sequence[Entry]:
        """What was said before, up to this response."""
        if id is None:
            return []
        thread = _lost(await asyncio.to_thread(self._threads.find, caller.workspace, id))
        if thread.about.status == IN_PROGRESS:
            raise Busy("it is being answered.", where="previous_response_id")
        return await asyncio.to_thread(self._threads.history, thread.head)

    async def _answered(self, answer: _Answer, *, kept: bool) -> AsyncGenerator[ResponseEvent]:
        thread, turn = answer.thread, answer.turn
        try:
            async with recording(self._threads, self._settings.turn_lease_seconds, answer.user) as record:
                about = answer.about
                events = record.write(turn, answer.inputs, opens=thread, about=about) if kept else turn.events()
                async with aclosing(events):
                    async for event in events:
                        match event:
                            case TurnStart():
                                yield Response(thread, [])
                            case TurnEnd():
                                yield answer.ended(event)
                            case _:
                                yield event
        finally:
            del self._underway[thread.id]


class _Answer:
    """A response that is being made."""

    def __init__(self, thread: Thread[KeptResponse], turn: Turn, inputs: Sequence[Entry], user: str | None) -> None:
        self.thread = thread
        self.turn = turn
        self.inputs = inputs
        self.user = user
        self._about: KeptResponse | None = None

    def about(self, end: TurnEnd | BaseException) -> KeptResponse:
        """What it is from its end on."""
        if self._about is None:
            self._about = _ended(self.thread.about, end)
        return self._about

    def ended(self, end: TurnEnd | BaseException) -> Response:
        return Response(replace(self.thread, about=self.about(end)), self.turn.outputs)


def _kept(request: ResponseRequest, asked: str) -> KeptResponse:
    said = {name: getattr(request, name) for name in ResponseFields.model_fields}
    said = {name: value for name, value in said.items() if value is not None}
    return KeptResponse.model_construct(**said, asked=asked, status=IN_PROGRESS)


def _ended(kept: KeptResponse, end: TurnEnd | BaseException) -> KeptResponse:
    match end:
        case TurnEnd():
            usage = ResponseUsage(
                input_tokens=end.prompt_tokens,
                input_tokens_details=InputTokensDetails(cached_tokens=end.cached_tokens),
                output_tokens=end.completion_tokens,
                output_tokens_details=OutputTokensDetails(reasoning_tokens=end.reasoning_tokens),
                total_tokens=end.prompt_tokens + end.completion_tokens,
            )
            if end.cut:
                return _changed(kept, status="incomplete", usage=usage, incomplete_details=IncompleteDetails())
            return _changed(kept, status="completed", usage=usage, completed_at=time.time())
        case asyncio.CancelledError() | GeneratorExit():
            return _changed(kept, status="cancelled")
        case GalerneError():
            return _changed(kept, status="failed", error=ResponseFailure(message=str(end)))
        case _:
            return _changed(
                kept, status="failed", error=ResponseFailure(message="something went wrong inside the server.")
            )


def _lost(thread: Thread[KeptResponse]) -> Thread[KeptResponse]:
    """A response that nobody answers any more has failed, though nobody was left to say so."""
    about = thread.about
    if about.status != IN_PROGRESS or (thread.leased_until or 0) > time.time():
        return thread
    failure = ResponseFailure(message="the server stopped in the middle of it.")
    return replace(thread, about=_changed(about, status="failed", error=failure))


def _changed(kept: KeptResponse, **changes: Any) -> KeptResponse:
    return kept.model_copy(update=changes)


def _place(id: str, entries: Sequence[Entry]) -> int:
    return next(place for place, entry in enumerate(entries) if entry.id == id)
