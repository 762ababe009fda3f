"""`/v1/usage`: what was used, in sums."""

from __future__ import annotations

from datetime import date
from typing import Literal

from galerne.protocol.answers import AnswerModel


class UsageEntry(AnswerModel):
    """A sum."""

    name: str | None  # the day, model, ... that the answers have in common; null: no key, or nobody in particular
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    embedding_tokens: int
    cpu_seconds: float
    joules: float | None  # of the answers of which it is known; null: of none
    euros: str  # a decimal number, exact


class UsageList(AnswerModel):
    """The sums, by their names."""

    object: Literal["list"] = "list"
    by: str
    since: date
    until: date  # included
    data: list[UsageEntry]
