"""`/v1/oidc`: signing in at a provider of OpenID Connect; and which ways to sign in there are.

A browser that cannot be let in is led back to the page where people sign in, which says why; a program gets the error
itself.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

from fastapi import Query, Request
from starlette.responses import RedirectResponse, Response

from galerne.api.access import ANYBODY, KNOWN
from galerne.api.caller import caller_of, origin_of
from galerne.api.cookie import SIGN_IN_COOKIE, clear_session, clear_sign_in, set_session, set_sign_in
from galerne.api.documentation import KEEPING, fails
from galerne.api.router import Router
from galerne.errors import Forbidden, GalerneError, InvalidRequest, NotAuthenticated, Unavailable
from galerne.flows.sign_in import SignIn
from galerne.flows.vouched_sign_in import VouchedSignIn
from galerne.protocol.identity import LogoutAddress, ProviderWay, SignInWays
from galerne.settings import Settings

logger = logging.getLogger(__name__)

START = "/v1/oidc/start"

_STARTING = fails(InvalidRequest, Unavailable, *KEEPING)
_RETURNING = fails(NotAuthenticated, Forbidden, InvalidRequest, Unavailable, *KEEPING)

Word = Annotated[str, Query(max_length=4096)]


def sign_in_way_routes(settings: Settings) -> Router:
    router = Router(tags=["sessions"], dependencies=[ANYBODY])

    @router.get("/v1/sign-in")
    async def show_ways() -> SignInWays:
        """How people may sign in: by password, and at which provider."""
        way = None if settings.oidc_issuer is None else ProviderWay(name=settings.oidc_name, url=START)
        return SignInWays(password=True, oidc=way)

    return router


def oidc_routes(vouched: VouchedSignIn, sign_in: SignIn, settings: Settings) -> Router:
    router = Router(tags=["sessions"])

    @router.get(START, status_code=302, response_class=Response, responses=_STARTING, dependencies=[ANYBODY])
    async def begin(http: Request, next: Word = "/") -> Response:
        """Send a browser to the provider; it comes back to `next`, a path of this server."""
        try:
            url, state = await asyncio.to_thread(vouched.begin, str(http.url_for("oidc_callback")), next)
        except GalerneError as failure:
            return _led_back(http, failure)
        response = RedirectResponse(url, 302)
        set_sign_in(response, http, state)
        return response

    @router.get(
        "/v1/oidc/callback", status_code=302, response_class=Response, responses=_RETURNING, dependencies=[ANYBODY]
    )
    async def oidc_callback(
        http: Request, state: Word = "", code: Word = "", error: Word = "", error_description: Word = ""
    ) -> Response:
        """Where the provider sends the browser back to: whoever signed in there is signed in here."""
        shown = http.cookies.get(SIGN_IN_COOKIE)
        try:
            if error or not code:
                said = f"{error or 'no code'}: {error_description}"[:300]
                raise NotAuthenticated(f"the provider let nobody in ({said}).", where="code", hint="Begin again.")
            signed_in, next = await asyncio.to_thread(vouched.finish, code, state, shown, origin_of(http))
        except GalerneError as failure:
            return _led_back(http, failure)
        response = RedirectResponse(next, 302)
        clear_sign_in(response, http)
        set_session(response, http, signed_in.token, settings.session_hours * 3600)
        return response

    @router.post("/v1/oidc/logout", responses=fails(NotAuthenticated, Unavailable, *KEEPING), dependencies=[KNOWN])
    async def logout(http: Request, response: Response) -> LogoutAddress:
        """Sign out here; `url` is where to sign out at the provider, too."""
        caller = caller_of(http)
        session = await asyncio.to_thread(sign_in.session, caller)
        await asyncio.to_thread(sign_in.end, session.id, caller)
        clear_session(response, http)
        return LogoutAddress(url=await asyncio.to_thread(vouched.logout_url, str(http.base_url)))

    return router


def _led_back(http: Request, failure: GalerneError) -> Response:
    """The page's address tells a kind of failure, for which it has words; the log tells the whole. Raises the failure
    to whoever is no browser."""
    if "text/html" not in http.headers.get("accept", ""):
        raise failure
    logger.warning("nobody is let in at the provider: %s", failure)
    response = RedirectResponse(f"/?refused={failure.code}", 302)
    clear_sign_in(response, http)
    return response
