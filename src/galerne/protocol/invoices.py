"""`/v1/admin/invoices`: customers, plans, invoices."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from galerne.protocol.answers import AnswerModel
from galerne.protocol.days import Day
from galerne.protocol.messages import ProtocolModel

Word = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
Workspace = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]


class Customer(ProtocolModel):
    """Who pays for a workspace."""

    name: Word
    address: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]
    country: str = Field(pattern="^[A-Z]{2}$")
    vat_number: Annotated[str, Field(max_length=20)] | None = None
    registration: Word | None = None


class PlanFields(ProtocolModel):
    """What a workspace pays each month from `since` on; without a name, for its use alone."""

    workspace: Workspace
    since: Day = Field(description="A month's first day.")
    name: Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")]
    cents: int = Field(0, ge=0)
    included_tokens: int = Field(0, ge=0)


class PlanCard(AnswerModel):
    workspace: str
    since: date
    name: str
    cents: int
    included_tokens: int


class PlanList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[PlanCard]


class InvoiceRequest(ProtocolModel):
    """Which month of which workspace to invoice."""

    workspace: Workspace
    period: str = Field(pattern=r"^[1-9][0-9]{3}-(0[1-9]|1[0-2])$", description="2026-11")


class InvoiceLine(AnswerModel):
    text: str
    tokens: int | None
    euros_per_million: str | None
    cents: int


class InvoiceCard(AnswerModel):
    """An invoice or a credit note. Its PDF is at `/v1/admin/invoices/{number}/pdf`."""

    object: Literal["invoice"] = "invoice"
    number: str
    kind: Literal["invoice", "credit_note"]
    workspace: str
    period: str
    issued: date
    due: date
    lines: list[InvoiceLine]
    net_cents: int
    vat_percent: str
    vat_mention: str | None
    vat_cents: int
    total_cents: int
    credits: str | None


class InvoiceList(AnswerModel):
    object: Literal["list"] = "list"
    data: list[InvoiceCard]
