"""A title for a chat, made by a model."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from galerne.agents.answers import Question, Text
from galerne.assistant.chats import new_id
from galerne.assistant.titles import WISH, tidied
from galerne.errors import InvalidRequest
from galerne.flows.asking import ENDPOINT
from galerne.flows.chat import Chat
from galerne.flows.chat_answers import ChatAnswers
from galerne.identity.caller import Caller
from galerne.protocol.chats import ChatMessage
from galerne.protocol.completion_args import CompletionArgs
from galerne.protocol.messages import AssistantMessage, Message, UserMessage

MOST_CHARACTERS = 1000
"""Of each message that a title is made of."""

MOST_TOKENS = 24


async def make_title(line: Sequence[ChatMessage], model: str, chat: Chat, caller: Caller) -> str:
    """A title for what the first messages of a branch say.

    Raises what a chat raises, and `InvalidRequest` when nothing was said, or the model says nothing.
    """
    said = [_said(message) for message in line[:2] if message.content]
    if not said:
        raise InvalidRequest("nothing was said in it yet.", where="chat")
    question = Question(
        id=new_id("title"),
        model=model,
        messages=[*said, UserMessage(content=WISH)],
        tools=(),
        completion_args=CompletionArgs(temperature=0.0, max_tokens=MOST_TOKENS),
    )
    async with aclosing(ChatAnswers(chat, caller, ENDPOINT).answer(question)) as pieces:
        text = "".join([piece.text async for piece in pieces if isinstance(piece, Text)])
    if (title := tidied(text)) is None:
        raise InvalidRequest(f"{model} thinks of no title.", where="model", hint="Give one yourself.")
    return title


def _said(message: ChatMessage) -> Message:
    text = message.content[:MOST_CHARACTERS]
    return UserMessage(content=text) if message.role == "user" else AssistantMessage(content=text)
