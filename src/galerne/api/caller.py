"""Who asks: found out for every request to an address below /v1, before anything of it is read."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from galerne.api.cookie import check_csrf, check_host, check_origin, check_site, session_token
from galerne.api.ending import Ending
from galerne.api.inside import CALLER
from galerne.api.request_id import current_request_id
from galerne.errors import Forbidden, GalerneError, NotAuthenticated
from galerne.flows.sign_in import Origin
from galerne.identity.caller import Caller, Callers
from galerne.identity.standing import UnderWay

PREFIX = "/v1/"


class Identify:
    """Finds the caller by the key or the session that the request shows, and ends the request when it no longer counts.

    Whoever is not known is refused by the route, if it wants a caller (`access`).
    """

    def __init__(self, app: ASGIApp, callers: Callers, under_way: UnderWay) -> None:
        self._app = app
        self._callers = callers
        self._under_way = under_way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        if CALLER not in state:
            state[CALLER] = await self._caller(scope)
        else:  # the server sent it itself, perhaps long after it was told to
            state[CALLER] = await self._callers.again(state[CALLER]) or _lost()
        caller = state[CALLER]
        if isinstance(caller, Caller):
            with self._under_way.watch(caller) as end:
                await _while_known(self._app, end, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _caller(self, scope: Scope) -> Caller | GalerneError:
        """Who asks, or why nobody may by what was shown."""
        headers = Headers(scope=scope)
        key, token = _key(headers), session_token(headers)
        try:
            caller = await self._callers.identify(key or token)
            if caller.origins is not None:
                check_origin(headers, caller.origins)
            if key is None:
                check_site(scope["method"], headers)
            if key is None and token is None:
                check_host(headers)
            if key is None and token is not None and caller.session is not None:
                check_csrf(scope["method"], headers, token)
        except (NotAuthenticated, Forbidden) as refusal:
            return refusal
        return replace(caller, request=current_request_id(), address=address_of(scope))


def caller_of(http: Request) -> Caller:
    """Who sent this request. Raises `NotAuthenticated`, and `Forbidden` for another site's."""
    caller = http.state.caller
    if isinstance(caller, GalerneError):
        raise caller
    assert isinstance(caller, Caller)
    return caller


def origin_of(http: Request) -> Origin:
    """Where somebody signs in from."""
    return Origin(address_of(http.scope), http.headers.get("user-agent"), current_request_id())


def address_of(scope: Scope) -> str | None:
    """Of the client, or of whoever stands before this server."""
    client = scope.get("client")
    return client[0] if client else None


async def _while_known(app: ASGIApp, end: asyncio.Event, scope: Scope, receive: Receive, send: Send) -> None:
    """To the application, the end looks as if the client had left; the client is told why nothing more comes."""
    ending = Ending()

    async def receive_until() -> Message:
        message, over = asyncio.ensure_future(receive()), asyncio.ensure_future(end.wait())
        try:
            await asyncio.wait((message, over), return_when=asyncio.FIRST_COMPLETED)
            return {"type": "http.disconnect"} if end.is_set() else message.result()
        finally:
            message.cancel()
            over.cancel()

    async def send_until(message: Message) -> None:
        if not end.is_set():
            ending.follow(message)
            await send(message)

    await app(scope, receive_until, send_until)
    if end.is_set():
        await ending.end(_lost(), scope, receive, send)


def _lost() -> NotAuthenticated:
    return NotAuthenticated("the right to it was taken away meanwhile.", where="authorization")


def _key(headers: Headers) -> str | None:
    """The key as both official clients show it; None for none."""
    kind, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() or None if kind.lower() == "bearer" else None
