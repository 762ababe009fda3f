"""How an answer is come to: how much the model thinks before it, and what it may well be."""

from __future__ import annotations

from typing import Literal

from galerne.protocol.messages import ProtocolModel, TextParts

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Prediction(ProtocolModel):
    """What the answer may well be: it is guessed first. A wrong guess costs little and changes nothing."""

    type: Literal["content"] = "content"
    content: str | TextParts = ""

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
