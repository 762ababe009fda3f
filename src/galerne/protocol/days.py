"""Days and moments in addresses, where all is text: as RFC 3339 writes them, and not as numbers of seconds."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field

_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d")


def _written(value: Any) -> Any:
    if not isinstance(value, date) and not (isinstance(value, str) and _WRITTEN.match(value)):
        raise ValueError("is no date, such as 2026-11-25")
    return value


Day = Annotated[date, BeforeValidator(_written), Field(strict=False)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written), Field(strict=False)]
