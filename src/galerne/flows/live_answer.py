"""An answer in a chat that is being made: it goes on whoever listens, and is kept as it comes.

Everything that was told of it stays in memory until it has ended, so that whoever comes later hears it from where they
left off. About once a second it is saved; when the store says that it runs no more (somebody stopped it on another
node, or deleted the chat), it is cancelled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing, suppress

from galerne.agents.answers import Accepted, AnswerPiece, Call, Finished, Text, Thought
from galerne.assistant.chats import SAVE_SECONDS
from galerne.assistant.draft import Draft
from galerne.errors import GalerneError
from galerne.flows.record import to_the_end
from galerne.protocol.answers import PromptTokensDetails, Usage
from galerne.protocol.chat_events import (
    AnswerEnded,
    AnswerReasoning,
    AnswerSnapshot,
    AnswerStarted,
    AnswerText,
    AnswerToolCall,
    ChatEvent,
)
from galerne.protocol.chats import ChatMessage, MessageFailure, MessageState

logger = logging.getLogger(__name__)

BEGINNING = -1
"""The number before that of the first event."""


class LiveAnswer:
    """One answer, until it has ended."""

    def __init__(
        self,
        new: Sequence[ChatMessage],
        keep: Callable[[], None],
        save: Callable[[ChatMessage], bool],
        right: AbstractContextManager[asyncio.Event],
    ) -> None:
        """`new` are the messages that are new with it, the answer last. `keep` keeps them when they are accepted,
        `save` how far the answer has come; False: it runs no more. The answer ends with the asker's `right` to it."""
        self._draft = Draft(new[-1])
        self._question = list(new[:-1])
        self._keep = keep
        self._save = save
        self._right = right
        self._told: list[ChatEvent] = []
        self._news = asyncio.Event()
        self._means: MessageState = "interrupted"  # what a cancellation does
        self._task: asyncio.Task[None]

    async def start(self, pieces: AsyncGenerator[AnswerPiece], over: Callable[[], object]) -> None:
        """Begin, and come back when the question is accepted. Raises why it is not. `over` is called at the end."""
        self._task = asyncio.create_task(self._run(pieces))
        self._task.add_done_callback(lambda task: (over(), task.cancelled() or task.exception()))
        news = asyncio.create_task(self._news.wait())
        await asyncio.wait((self._task, news), return_when=asyncio.FIRST_COMPLETED)
        news.cancel()
        if not self._told:
            await self._task

    async def events(self, after: int | None) -> AsyncGenerator[ChatEvent]:
        """Those after this number; None, or a number that there is not: first the answer as it stands."""
        place = len(self._told)
        if after is not None and BEGINNING <= after < place:
            place = after + 1
        else:
            yield AnswerSnapshot(number=place - 1, answer=self._draft.message)
        while True:
            for event in self._told[place:]:
                place += 1
                yield event
                if isinstance(event, AnswerEnded):
                    return
            if place == len(self._told):
                await self._news.wait()

    async def stop(self) -> None:
        """Somebody has heard enough. What was said is kept."""
        self._means = "stopped"
        await self.cancel()

    async def cancel(self) -> None:
        """The server stops, or nobody wants it any more."""
        self._task.cancel()
        await asyncio.wait((self._task,))

    async def _run(self, pieces: AsyncGenerator[AnswerPiece]) -> None:
        saving: asyncio.Task[None] | None = None
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    if isinstance(piece, Accepted):
                        await to_the_end(self._keep)
                        saving = asyncio.create_task(self._keep_saving())
                    self._hear(piece)
            ended = self._draft.ended("complete")
        except (Exception, asyncio.CancelledError) as error:
            if not self._told:
                raise
            ended = self._draft.ended(
                self._means if isinstance(error, asyncio.CancelledError) else "failed", _why(error)
            )
        finally:
            if saving is not None:
                saving.cancel()
        await self._end(ended)

    def _hear(self, piece: AnswerPiece) -> None:
        number = len(self._told)
        match piece:
            case Accepted():
                self._tell(AnswerStarted(number=number, question=self._question, answer=self._draft.message))
            case Thought():
                self._draft.think(piece.text)
                self._tell(AnswerReasoning(number=number, text=piece.text))
            case Text():
                self._draft.say(piece.text)
                self._tell(AnswerText(number=number, text=piece.text))
            case Call():
                self._draft.call(piece.number, piece.id, piece.name, piece.arguments)
                told = {"id": piece.id, "name": piece.name, "arguments": piece.arguments}
                self._tell(AnswerToolCall(number=number, index=piece.number, **told))
            case Finished():
                self._draft.finish(_usage(piece), cut=piece.cut)

    def _tell(self, event: ChatEvent) -> None:
        self._told.append(event)
        self._news.set()
        self._news = asyncio.Event()

    async def _keep_saving(self) -> None:
        with self._right as lost:
            while await self._saved():
                with suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), SAVE_SECONDS)
                    break
        self._means = "stopped"
        self._task.cancel()

    async def _saved(self) -> bool:
        """False: it runs no more."""
        try:
            return await to_the_end(self._save, self._draft.message)
        except GalerneError as failure:
            logger.warning("an answer is not saved for now: %s", failure)
            return True

    async def _end(self, answer: ChatMessage) -> None:
        try:
            await to_the_end(self._save, answer)
        except GalerneError as failure:
            logger.error("the end of an answer is not kept: %s", failure)
        finally:
            self._tell(AnswerEnded(number=len(self._told), answer=answer))


def _why(error: BaseException) -> MessageFailure | None:
    match error:
        case asyncio.CancelledError():
            return None
        case GalerneError():
            return MessageFailure(code=error.code, message=str(error))
        case _:
            logger.error("unforeseen failure", exc_info=error)
            return MessageFailure(code="internal_error", message="something went wrong inside the server.")


def _usage(end: Finished) -> Usage:
    return Usage(
        prompt_tokens=end.prompt_tokens,
        completion_tokens=end.completion_tokens,
        total_tokens=end.prompt_tokens + end.completion_tokens,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=end.cached_tokens),
    )
