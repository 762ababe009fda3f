"""Lists by pages."""

from __future__ import annotations

from pydantic import Field

from galerne.protocol.limits import limited
from galerne.protocol.messages import ProtocolModel


class PageQuery(ProtocolModel):
    """A page of a list, by its number."""

    page: int = Field(0, ge=0, lt=2**31, strict=False)
    page_size: int = Field(20, ge=1, lt=2**31, strict=False, json_schema_extra=limited("max_page_size"))
