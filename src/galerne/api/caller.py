"""Who asks: found out for every request to an address below /v1, before anything of it is read."""

from __future__ import annotations

from dataclasses import replace

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from galerne.api.inside import CALLER, is_inside
from galerne.api.request_id import current_request_id
from galerne.errors import NotAuthenticated
from galerne.identity.caller import Caller, Callers

PREFIX = "/v1/"


class Identify:
    """Finds the caller by the key that the request shows. Whoever is not known is refused by the route, if it wants a
    caller (`access`)."""

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX) and not is_inside(scope):
            state = scope.setdefault("state", {})
            try:
                caller = await self._callers.identify(_key(Headers(scope=scope)))
                known = replace(caller, request=current_request_id(), address=_address(scope))
                state[CALLER] = known
            except NotAuthenticated as refusal:
                state[CALLER] = refusal
        await self._app(scope, receive, send)


def caller_of(http: Request) -> Caller:
    """Who sent this request. Raises `NotAuthenticated`."""
    caller = http.state.caller
    if isinstance(caller, NotAuthenticated):
        raise caller
    assert isinstance(caller, Caller)
    return caller


def _address(scope: Scope) -> str | None:
    """Of the client, or of whoever stands before this server."""
    client = scope.get("client")
    return client[0] if client else None


def _key(headers: Headers) -> str | None:
    """The key as both official clients show it; None for none."""
    kind, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() or None if kind.lower() == "bearer" else None
