"""Bytes from a client -> a checked request, or one sentence that names the field and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from galerne.errors import InvalidRequest, TooLarge, UnsupportedField
from galerne.protocol.unsupported import UNSUPPORTED

Model = TypeVar("Model", bound=BaseModel)

_MOST_FAULTS = 100
"""A body may hold a million faults. Past so many they are not listed: nobody reads them and each takes memory."""


def parse(model: type[Model], body: bytes, max_items: int) -> Model:
    """Check a JSON body against `model`.

    Raises `InvalidRequest` (not JSON, a missing or wrong value), `UnsupportedField` (an unknown field, or one that this
    version does not implement), `TooLarge` (more than `max_items` values: parsed they take many times their bytes).
    """
    if body.count(b",") > max_items:  # commas in texts count too: a cheap bound, not a count
        raise TooLarge(f"the body has more than {max_items} commas.", hint="Send less at once.")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error, body) from None


def _refusal(error: ValidationError, body: bytes) -> InvalidRequest:
    if error.error_count() > _MOST_FAULTS:
        return InvalidRequest(f"the body has {error.error_count()} faults.", hint="Is it meant for this address?")
    faults = error.errors(include_url=False, include_context=False)
    if faults[0]["type"] == "json_invalid":
        return InvalidRequest(f"the body is not valid JSON: {faults[0]['msg'].removeprefix('Invalid JSON: ')}.")
    document = from_json(body)
    # Each branch of a union reports its own fault: the one that got deepest is the one that was meant.
    field = faults[0]["loc"][:1]
    fault = max((f for f in faults if f["loc"][:1] == field), key=lambda f: len(_path(f, document)))
    return refusal(fault["type"], fault["msg"], _spelled(_path(fault, document)) or None)


def refusal(kind: str, message: str, where: str | None) -> InvalidRequest:
    """What is told of a fault of this kind, as pydantic calls kinds."""
    refused = _told(kind, message, where)
    refused.kind = kind if kind != "value_error" else None  # of a validator of ours: no schema tells what it looks for
    return refused


def _told(kind: str, message: str, where: str | None) -> InvalidRequest:
    match kind:
        case "extra_forbidden":
            return UnsupportedField("there is no such field.", where=where, hint="Leave it out.")
        case "union_tag_invalid":  # pydantic quotes what was sent, which is nobody's business where errors are kept
            name, _, tags = message.rpartition(" found using ")[2].partition(
                " does not match any of the expected tags: "
            )
            return InvalidRequest(f"{name} is none of {tags}.", where=where)
        case _ if kind == UNSUPPORTED:
            return UnsupportedField(f"{message}.", where=where)
        case _:
            return InvalidRequest(f"{message.removeprefix('Value error, ')}.", where=where)


def _path(fault: ErrorDetails, document: Any) -> list[str | int]:
    """The way to the fault in what was sent, without the names of union branches that pydantic puts between."""
    path: list[str | int] = []
    place = document
    for last, step in _marked_last(fault["loc"]):
        inside = (isinstance(place, dict) and step in place) or (isinstance(place, list) and isinstance(step, int))
        if inside:
            place = place[step]
        if inside or (last and fault["type"] in ("missing", "extra_forbidden")):
            path.append(step)
    return path


def _marked_last(steps: Sequence[str | int]) -> list[tuple[bool, str | int]]:
    return [(number == len(steps), step) for number, step in enumerate(steps, 1)]


def _spelled(path: Sequence[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
