"""Who asks: every address below /v1 wants a caller that is known."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from galerne.api.errors import respond
from galerne.api.inside import CALLER, is_inside
from galerne.errors import NotAuthenticated
from galerne.identity.caller import Caller, Callers

PREFIX = "/v1/"


class Identify:
    """Finds the caller by the key that the request shows, before anything of the request is read."""

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX) and not is_inside(scope):
            try:
                scope.setdefault("state", {})[CALLER] = await self._callers.identify(_key(Headers(scope=scope)))
            except NotAuthenticated as refusal:
                await respond(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def caller_of(http: Request) -> Caller:
    """Who sent this request."""
    caller = http.state.caller
    assert isinstance(caller, Caller)
    return caller


def _key(headers: Headers) -> str | None:
    """The key as both official clients show it; None for none."""
    kind, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() or None if kind.lower() == "bearer" else None
