"""An answer that is being written: what was said of it until now."""

from __future__ import annotations

from typing import Any, Literal

from galerne.protocol.answers import AnswerCall, CalledFunction, Usage
from galerne.protocol.chats import ChatMessage, MessageFailure, MessageState


class Draft:
    """Grows by pieces; the message as it stands can be had at any time."""

    def __init__(self, message: ChatMessage) -> None:
        """`message` is the answer before its first word."""
        self._message = message
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[AnswerCall] = []
        self._finish: dict[str, Any] = {}

    def say(self, text: str) -> None:
        self._content.append(text)

    def think(self, text: str) -> None:
        self._reasoning.append(text)

    def call(self, index: int, id: str | None, name: str | None, arguments: str) -> None:
        """More of a call. The first piece of one has its id and name."""
        if index == len(self._calls):
            self._calls.append(AnswerCall(index=index, id=id, function=CalledFunction(name=name or "", arguments="")))
        call = self._calls[index]
        function = CalledFunction(name=call.function.name, arguments=call.function.arguments + arguments)
        self._calls[index] = call.model_copy(update={"function": function})

    def finish(self, usage: Usage, *, cut: bool) -> None:
        """Everything was said."""
        reason: Literal["length", "tool_calls", "stop"] = "length" if cut else "tool_calls" if self._calls else "stop"
        self._finish = {"usage": usage, "finish_reason": reason}

    @property
    def message(self) -> ChatMessage:
        """As it stands."""
        said = {
            "content": "".join(self._content),
            "reasoning": "".join(self._reasoning) or None,
            "tool_calls": list(self._calls),
        }
        return self._message.model_copy(update=said | self._finish)

    def ended(self, state: MessageState, failure: MessageFailure | None = None) -> ChatMessage:
        """As it stays. What it took is on record, whatever it ended with."""
        return self.message.model_copy(update={"state": state, "failure": failure, "receipt": self._message.id})
