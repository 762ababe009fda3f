"""Each request has an id: in the response's `x-request-id`, in every error, in every line of the log."""

from __future__ import annotations

import re
from contextvars import ContextVar
from uuid import uuid4

HEADER = "x-request-id"

_current: ContextVar[str] = ContextVar("request_id", default="")
_acceptable = re.compile(r"[A-Za-z0-9._-]{1,100}")


def current_request_id() -> str:
    """The id of the request that is being answered here; "" elsewhere."""
    return _current.get()


def begin_request(asked: str | None) -> str:
    """Give the request the id that its client asked for, where that can be one, or a new one."""
    id = asked if asked is not None and _acceptable.fullmatch(asked) else uuid4().hex
    _current.set(id)
    return id
