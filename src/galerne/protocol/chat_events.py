"""The events of an answer in a chat. Their numbers rise, and are the events' `id:`: who gives the last one that it saw
gets those after it."""

from __future__ import annotations

from typing import Literal

from galerne.protocol.answers import NumberedEvent
from galerne.protocol.chats import ChatMessage


class AnswerStarted(NumberedEvent):
    """The first event of an answer that was just asked for: what is kept now."""

    type: Literal["answer.started"] = "answer.started"
    question: list[ChatMessage]  # new messages: a question, or results of tools; empty where one asks again
    answer: ChatMessage


class AnswerSnapshot(NumberedEvent):
    """The answer as it stands, in place of what was shown of it. First, for whoever comes in its middle."""

    type: Literal["answer.snapshot"] = "answer.snapshot"
    answer: ChatMessage


class AnswerReasoning(NumberedEvent):
    """More of the reasoning."""

    type: Literal["answer.reasoning"] = "answer.reasoning"
    text: str


class AnswerText(NumberedEvent):
    """More of the content."""

    type: Literal["answer.text"] = "answer.text"
    text: str


class AnswerToolCall(NumberedEvent):
    """More of a call of a tool. The first piece of one has its id and name."""

    type: Literal["answer.tool_call"] = "answer.tool_call"
    index: int  # among the answer's calls
    id: str | None = None
    name: str | None = None
    arguments: str  # a piece of JSON


class AnswerEnded(NumberedEvent):
    """The last event, however the answer ended: its `state` says how."""

    type: Literal["answer.ended"] = "answer.ended"
    answer: ChatMessage


ChatEvent = AnswerStarted | AnswerSnapshot | AnswerReasoning | AnswerText | AnswerToolCall | AnswerEnded
