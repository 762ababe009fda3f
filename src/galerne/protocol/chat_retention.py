"""`/v1/users/me/retention`: how long one's chats are kept."""

from __future__ import annotations

from pydantic import Field

from galerne.protocol.answers import AnswerModel
from galerne.protocol.messages import ProtocolModel


class ChatRetentionFields(ProtocolModel):
    chat_days: int | None = Field(
        ge=1,
        le=36_500,
        description="Days after something was last said in a chat; null: as the house has it.",
    )


class ChatRetention(AnswerModel):
    chat_days: int | None  # as the person wishes
    max_chat_days: int | None  # as the house does; None: without end
    effective_chat_days: int | None  # the shorter one
