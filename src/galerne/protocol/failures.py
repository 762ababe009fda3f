"""What every failure looks like on the wire, for both official clients.

`openai` shows `error.message` and reads `error.type`, `error.param` and `error.code`; `mistralai` shows the body, and
wants a list `detail` where the status is 422.
"""

from __future__ import annotations

from typing import Literal

from galerne.protocol.answers import AnswerModel, ErrorObject, Optional


class ErrorDetail(AnswerModel):
    loc: list[str | int]
    msg: str
    type: str


class ErrorBody(AnswerModel):
    object: Literal["error"] = "error"
    message: str
    type: str
    param: str | None = None
    code: str
    request_id: str
    error: ErrorObject
    detail: Optional[list[ErrorDetail]] = None
