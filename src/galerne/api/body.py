"""Reading what a client sends: bounded in size and time, before anything is made of it."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request

from galerne.errors import InvalidRequest, TooLarge, TooSlow
from galerne.protocol.parsing import parse
from galerne.settings import Settings

Model = TypeVar("Model", bound=BaseModel)


async def read(model: type[Model], request: Request, settings: Settings) -> Model:
    """The body, checked.

    Raises `TooLarge` as soon as it is, `TooSlow`, `InvalidRequest`, `UnsupportedField`; Starlette's `ClientDisconnect`
    when the client leaves.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        # A web page of another origin may send anything but this without being asked whether it may.
        raise InvalidRequest("must be application/json.", where="content-type", hint="Set this header.")
    try:
        async with asyncio.timeout(settings.body_seconds):
            body = await _bytes(request, settings.max_body_mb << 20)
    except TimeoutError:
        raise TooSlow(f"the body did not arrive within {settings.body_seconds:g} seconds.") from None
    return parse(model, body, settings.max_body_items)


def check_announced(request: Request, most: int) -> None:
    """Raises `TooLarge` before the body comes, where its size is announced."""
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdecimal() and int(announced[:20]) > most:
        raise too_large(most)


def too_large(most: int) -> TooLarge:
    return TooLarge(f"the body is larger than {most >> 20} MiB.", hint="Send less at once.")


async def _bytes(request: Request, most: int) -> bytes:
    check_announced(request, most)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise too_large(most)
    return bytes(body)
