"""Where a page of a list ended, as a word that a client gives back to get the next one."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from pydantic import TypeAdapter

from galerne.errors import InvalidRequest

_PLACE: TypeAdapter[tuple[float, str]] = TypeAdapter(tuple[float, str])


def page_token(time: float, id: str) -> str:
    """Behind what was made then (seconds since 1970) and has this id."""
    return urlsafe_b64encode(_PLACE.dump_json((time, id))).decode()


def place_of(token: str) -> tuple[float, str]:
    """Raises `InvalidRequest` for what is no such word."""
    try:
        return _PLACE.validate_json(urlsafe_b64decode(token))
    except ValueError:
        raise InvalidRequest("is not a `next_page_token`.", where="page_token") from None
