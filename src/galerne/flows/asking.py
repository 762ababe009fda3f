"""A question in a chat, and its answer: asked, listened to again, stopped.

find the branch -> put it to the model -> keep question and answer -> let it go on, whoever listens
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from functools import partial

from galerne.agents.answers import Accepted, AnswerPiece, Question
from galerne.assistant.attachments import AttachmentStore, KeptAttachment
from galerne.assistant.chats import SAVE_SECONDS, ChatStore, Owner, new_id
from galerne.assistant.dialogue import attachment_ids, dialogue
from galerne.assistant.titles import title_of
from galerne.assistant.tree import branch
from galerne.errors import Busy, InvalidRequest
from galerne.flows.chat import Chat
from galerne.flows.chat_answers import ChatAnswers
from galerne.flows.limits import check_limit
from galerne.flows.live_answer import BEGINNING, LiveAnswer
from galerne.flows.owners import owner_of
from galerne.identity.caller import Caller
from galerne.identity.standing import UnderWay
from galerne.protocol.chat_events import AnswerEnded, AnswerSnapshot, ChatEvent
from galerne.protocol.chats import AskRequest, ChatCard, ChatMessage, MessageAttachment
from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.messages import Message
from galerne.settings import Settings

ENDPOINT = "/v1/chats"

PATIENCE = 120.0
"""Seconds that a question waits for a model that is being loaded; then it fails, and says why."""


class Asking:
    """The flow behind `/v1/chats/{id}/messages`. What names a chat or a message raises `NotFound`."""

    def __init__(
        self, chats: ChatStore, attachments: AttachmentStore, chat: Chat, under_way: UnderWay, settings: Settings
    ) -> None:
        self._chats = chats
        self._attachments = attachments
        self._chat = chat
        self._under_way = under_way
        self._settings = settings
        self._live: dict[str, tuple[str, LiveAnswer]] = {}  # by the answer's id, with the chat's

    async def ask(self, id: str, request: AskRequest, caller: Caller) -> AsyncGenerator[ChatEvent]:
        """The events of a new answer. Closing it does not stop that.

        Raises, before the first one, what a chat raises, and `Busy` when the parent is being answered.
        """
        owner = owner_of(caller)
        card = await asyncio.to_thread(self._chats.find, owner, id)
        line = branch(await asyncio.to_thread(self._chats.messages, owner, id), request.parent)
        _check(line, request)
        attached = await self._attached(owner, [*attachment_ids(line), *(request.attachments or ())])
        added = _added(request, [attached[each] for each in request.attachments or ()])
        answer = _answer(request, card, (added or line)[-1].id, self._settings.model)
        check_limit("messages", len(line) + len(added), self._settings.max_messages)
        pieces = self._put(answer, dialogue(answer.system, [*line, *added], attached), caller)
        new = [*added, answer]
        keep = partial(self._chats.ask, owner, id, new, title_of(new[0].content), request.attachments or ())
        live = LiveAnswer(new, keep, self._chats.save, self._under_way.watch(caller))
        self._live[answer.id] = id, live
        await live.start(pieces, over=partial(self._live.pop, answer.id))
        async with aclosing(live.events(BEGINNING)) as events:
            async for event in events:
                yield event

    async def listen(self, id: str, message: str, after: int | None, caller: Caller) -> AsyncGenerator[ChatEvent]:
        """The events of an answer after this number, or as it stands and what follows."""
        shown: ChatMessage | None = None
        while True:
            found = await self.find(id, message, caller)
            if message in self._live:
                _, live = self._live[message]
                async with aclosing(live.events(after)) as events:
                    async for event in events:
                        yield event
                return
            number = 0 if after is None else after + 1
            if found.state != "running":
                yield AnswerEnded(number=number, answer=found)
                return
            if found != shown:  # another node answers it: what it saves is seen here
                yield AnswerSnapshot(number=number, answer=found)
            shown, after = found, number
            await asyncio.sleep(SAVE_SECONDS)

    async def stop(self, id: str, message: str, caller: Caller) -> ChatMessage:
        """Let an answer end here; one that has ended stays as it is."""
        found = await self.find(id, message, caller)
        if message in self._live:
            await self._live[message][1].stop()
        elif found.state == "running":
            await asyncio.to_thread(self._chats.stop, owner_of(caller), id, message)
        return await self.find(id, message, caller)

    async def find(self, id: str, message: str, caller: Caller) -> ChatMessage:
        """An answer, as it was saved."""
        found = await asyncio.to_thread(self._chats.message, owner_of(caller), id, message)
        if found.role != "assistant":
            raise InvalidRequest("is a question, not an answer.", where="message")
        return found

    async def forget(self, chats: Collection[str]) -> None:
        """Cut off what is under way in chats that were deleted."""
        await asyncio.gather(*(live.cancel() for chat, live in list(self._live.values()) if chat in chats))

    async def close(self) -> None:
        """Cut off all that is under way."""
        await asyncio.gather(*(live.cancel() for _, live in list(self._live.values())))

    def _put(self, answer: ChatMessage, messages: Sequence[Message], caller: Caller) -> AsyncGenerator[AnswerPiece]:
        """Ask the model for this answer."""
        question = Question(
            id=answer.id,
            model=answer.model or self._settings.model,
            messages=messages,
            tools=answer.tools or (),
            completion_args=answer.parameters or CompletionArgs(),
        )
        return self._once_loaded(ChatAnswers(self._chat, caller, ENDPOINT).answer(question), question.model, caller)

    async def _once_loaded(
        self, pieces: AsyncGenerator[AnswerPiece], model: str, caller: Caller
    ) -> AsyncGenerator[AnswerPiece]:
        """The pieces; whoever asks before the model is ready is a person who looks at the page, and waits for it."""
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
                if isinstance(piece, Accepted):
                    await self._chat.until_loaded(model, caller, PATIENCE)

    async def _attached(self, owner: Owner, ids: Sequence[str]) -> dict[str, KeptAttachment]:
        found = await asyncio.to_thread(self._attachments.find, owner, ids) if ids else []
        return {each.id: each for each in found}


def _check(line: Sequence[ChatMessage], request: AskRequest) -> None:
    """Raises `InvalidRequest`, `Busy`."""
    last = line[-1] if line else None
    if last is not None and last.state == "running":
        raise Busy("it is being answered.", where="parent", hint="Wait until the answer has ended, or stop it.")
    answers = last is None or last.role == "assistant"
    if request.asks_again and answers:
        raise InvalidRequest("is an answer: say what shall be answered.", where="parent", hint="Send `content`.")
    if not request.asks_again and not answers:
        hint = "Take the parent of that question, to edit it, or send no `content`, to have it answered."
        raise InvalidRequest("is a question that waits for its answer.", where="parent", hint=hint)
    called = {call.id for call in last.tool_calls} if last else set()
    if unknown := {result.tool_call_id for result in request.results or ()} - called:
        raise InvalidRequest(f"the parent has no call {min(unknown)!r}.", where="results")


def _added(request: AskRequest, attached: Sequence[KeptAttachment]) -> list[ChatMessage]:
    """The messages that are new with a question."""
    made = {"state": "complete", "created_at": time.time()}
    if request.asks_again:
        return []
    if not request.results:
        files = [
            MessageAttachment(id=each.id, name=each.name, media_type=each.media_type, characters=len(each.text))
            for each in attached
        ]
        said = {"content": request.content or "", "attachments": files, "parent": request.parent}
        return [ChatMessage(id=new_id("msg"), role="user", **made, **said)]
    added: list[ChatMessage] = []
    for result in request.results:
        said = {"content": result.content, "tool_call_id": result.tool_call_id}
        parent = added[-1].id if added else request.parent
        added.append(ChatMessage(id=new_id("msg"), parent=parent, role="tool", **made, **said))
    return added


def _answer(request: AskRequest, card: ChatCard, parent: str, default_model: str) -> ChatMessage:
    """The answer before its first word."""
    return ChatMessage(
        id=new_id("msg"),
        parent=parent,
        role="assistant",
        state="running",
        created_at=time.time(),
        content="",
        model=request.model or card.model or default_model,
        system=request.system if request.system is not None else card.system,
        parameters=request.parameters or card.parameters,
        tools=request.tools,
        ai_generated=True,
    )
