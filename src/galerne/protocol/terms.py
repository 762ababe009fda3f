"""`/v1/admin/limits`, `/v1/admin/allowed-models`, `/v1/admin/prices`: on which terms models may be asked."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from galerne.protocol.answers import AnswerModel
from galerne.protocol.days import Day
from galerne.protocol.messages import ProtocolModel

SubjectName = Annotated[
    str,
    Field(
        pattern=r"^(key|user|workspace|organisation):[^\x00]{1,64}$",
        description="key:ID, user:ID, workspace:ID or organisation:ID",
    ),
]
ModelName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00]*$")]
MeasureName = Literal[
    "requests_per_minute",
    "tokens_per_minute",
    "requests_per_month",
    "tokens_per_month",
    "nano_euros_per_month",
    "concurrent_requests",
]


class LimitFields(ProtocolModel):
    """The most that a subject may use; null: no limit."""

    subject: SubjectName
    measure: MeasureName
    most: int | None = Field(ge=0, le=2**53)


class LimitCard(AnswerModel):
    subject: str
    measure: str
    most: int | None


class LimitList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[LimitCard]


class AllowanceFields(ProtocolModel):
    """The models that a subject may use, by their own names; none of them: every one."""

    subject: SubjectName
    models: list[ModelName] = Field(max_length=1000)


class AllowanceCard(AnswerModel):
    subject: str
    models: list[str]


class AllowanceList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[AllowanceCard]


class PriceFields(ProtocolModel):
    """What a million tokens of one kind cost from a day on."""

    model: ModelName
    kind: Literal["input", "cached", "output", "embedding"]
    euros_per_million: Annotated[
        str, Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,3})?$", description="A decimal number, to a thousandth.")
    ]
    since: Day | None = Field(None, description="By default today.")


class PriceCard(AnswerModel):
    model: str
    kind: str
    euros_per_million: str
    since: date


class PriceList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[PriceCard]
