"""The audit log on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from galerne.protocol.days import Moment
from galerne.protocol.limits import limited

_Word = Annotated[str | None, Field(max_length=200)]


class AuditQuery(BaseModel):
    """Which records of the audit log."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    actor: _Word = Field(None, description="The id of who did it.")
    action: _Word = Field(None, description="`key.made`, ...; or `key`, for all that is done to keys.")
    object: _Word = Field(None, description="The id of what it was done to.")
    workspace: _Word = None
    since: Moment | None = None
    until: Moment | None = Field(None, description="Not included.")
    limit: int = Field(50, ge=1, description="Records on a page.", json_schema_extra=limited("max_page_size"))
    before: int | None = Field(None, ge=0, lt=2**53, description="`next_before` of the page before.")


class AuditRecords(BaseModel):
    """A page of the audit log, the newest record first."""

    object: str = "list"
    data: list[dict[str, Any]]
    next_before: int | None  # None: this is the last page


class AuditFault(BaseModel):
    index: int
    reason: str


class AuditReport(BaseModel):
    """What a check of the audit log found."""

    object: str = "audit.report"
    records: int
    faults: list[AuditFault]
    checked_at: datetime


class ErasureRequest(BaseModel):
    """Who shall be erased."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str = Field(max_length=200, description="The id of a user.")


class GivenHead(BaseModel):
    """A head of another installation's log."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    head: dict[str, Any]
    public_key: str = Field(max_length=2000, description="PEM: what it was signed with.")


class KeptHead(BaseModel):
    object: str = "audit.head"
    longest: dict[str, Any]  # of all that the same key signed, of the same log


class KeptHeadList(BaseModel):
    object: str = "list"
    data: list[dict[str, Any]]
