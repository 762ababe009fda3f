"""What completions and embeddings take: a text, several, or the same as token ids."""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import Discriminator, Field, Tag

TokenIds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, fail_fast=True)]
Texts = Annotated[list[str], Field(min_length=1, fail_fast=True)]
TokenIdLists = Annotated[list[TokenIds], Field(min_length=1, fail_fast=True)]


def _form(value: Any) -> str:
    """Which of the forms it is, by its first item, so that a fault is told of the form that was meant."""
    if not isinstance(value, list):
        return "text"
    first = value[0] if value else ""
    return "texts" if isinstance(first, str) else "lists" if isinstance(first, list) else "tokens"


Inputs = Annotated[
    Annotated[str, Tag("text")]
    | Annotated[Texts, Tag("texts")]
    | Annotated[TokenIds, Tag("tokens")]
    | Annotated[TokenIdLists, Tag("lists")],
    Discriminator(_form),
]


def each(inputs: str | list[str] | list[int] | list[list[int]]) -> list[str | list[int]]:
    """The texts or token ids one by one, whichever form they came in."""
    alone = isinstance(inputs, str) or isinstance(inputs[0], int)
    return cast("list[str | list[int]]", [inputs] if alone else inputs)
