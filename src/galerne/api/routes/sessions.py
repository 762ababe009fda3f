"""`/v1/sessions`: people sign in and out; `/v1/invitations`, and one's own sessions and password."""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.responses import Response

from galerne.api.access import ANYBODY, KNOWN, needs
from galerne.api.body import read
from galerne.api.caller import caller_of, origin_of
from galerne.api.cookie import clear_session, session_token, set_session
from galerne.api.documentation import KEEPING, READING, fails, takes
from galerne.api.identity_cards import me, session_card
from galerne.api.parameters import Id
from galerne.api.router import Router
from galerne.errors import DatabaseUnavailable, NotAuthenticated, NotFound, TooManyTries
from galerne.flows.identity import Identity
from galerne.flows.sign_in import SignedIn
from galerne.identity.caller import Caller
from galerne.identity.permissions import Permission
from galerne.identity.sessions import csrf_token
from galerne.protocol.identity import Credentials, InvitationAnswer, PasswordChange, SessionList, SignedInUser
from galerne.settings import Settings

_OWN = [needs(Permission.ACCOUNT_OWN)]
_SIGNING_IN = fails(*READING, *KEEPING, NotAuthenticated, TooManyTries)


def session_routes(identity: Identity, settings: Settings, *, open_door: bool) -> Router:
    router = Router(tags=["sessions"])
    sign_in = identity.sign_in

    async def told(caller: Caller, token: str) -> SignedInUser:
        profile = await asyncio.to_thread(identity.users.profile, caller)
        return SignedInUser(**dict(me(profile, open_door=open_door)), csrf_token=csrf_token(token))

    async def let_in(http: Request, signed_in: SignedIn) -> Response:
        body = await told(signed_in.caller, signed_in.token)
        response = Response(body.model_dump_json(), media_type="application/json")
        set_session(response, http, signed_in.token, settings.session_hours * 3600)
        return response

    @router.post(
        "/v1/sessions",
        response_model=SignedInUser,
        responses=_SIGNING_IN,
        openapi_extra=takes(Credentials),
        dependencies=[ANYBODY],
    )
    async def create_session(http: Request) -> Response:
        """Sign in: the answer sets a cookie. Requests by it that change something need `x-csrf-token: CSRF_TOKEN`."""
        shown = await read(Credentials, http, settings)
        signed_in = await asyncio.to_thread(sign_in.by_password, shown.email, shown.password, origin_of(http))
        return await let_in(http, signed_in)

    @router.post(
        "/v1/invitations",
        response_model=SignedInUser,
        responses=_SIGNING_IN,
        openapi_extra=takes(InvitationAnswer),
        dependencies=[ANYBODY],
    )
    async def accept_invitation(http: Request) -> Response:
        """Set a password with the word that an administrator gave, and sign in."""
        answer = await read(InvitationAnswer, http, settings)
        return await let_in(
            http, await asyncio.to_thread(sign_in.accept, answer.token, answer.password, origin_of(http))
        )

    @router.get("/v1/sessions/current", responses=fails(NotAuthenticated, DatabaseUnavailable), dependencies=[KNOWN])
    async def show_session(http: Request) -> SignedInUser:
        """Who is signed in."""
        caller = caller_of(http)
        await asyncio.to_thread(sign_in.session, caller)
        return await told(caller, session_token(http.headers) or "")

    @router.delete(
        "/v1/sessions/current", status_code=204, responses=fails(NotAuthenticated, *KEEPING), dependencies=[KNOWN]
    )
    async def end_session(http: Request) -> Response:
        """Sign out."""
        caller = caller_of(http)
        session = await asyncio.to_thread(sign_in.session, caller)
        await asyncio.to_thread(sign_in.end, session.id, caller)
        response = Response(status_code=204)
        clear_session(response, http)
        return response

    _add_own(router, identity, settings)
    return router


def _add_own(router: Router, identity: Identity, settings: Settings) -> None:
    """One's own sessions and password."""
    sign_in = identity.sign_in

    @router.get("/v1/users/me/sessions", responses=fails(DatabaseUnavailable), dependencies=_OWN)
    async def my_sessions(http: Request) -> SessionList:
        """Where the caller is signed in, the newest first."""
        caller = caller_of(http)
        found = await asyncio.to_thread(sign_in.sessions, caller)
        return SessionList(data=[session_card(session, caller) for session in found])

    @router.delete(
        "/v1/users/me/sessions/{id}", status_code=204, responses=fails(NotFound, *KEEPING), dependencies=_OWN
    )
    async def end_my_session(id: Id, http: Request) -> None:
        """End a session of the caller's, and what is under way in it."""
        await asyncio.to_thread(sign_in.end, id, caller_of(http))

    @router.put(
        "/v1/users/me/password",
        status_code=204,
        responses=fails(*READING, *KEEPING, TooManyTries),
        openapi_extra=takes(PasswordChange),
        dependencies=_OWN,
    )
    async def change_password(http: Request) -> None:
        """Change the caller's password. Their other sessions end."""
        change = await read(PasswordChange, http, settings)
        await asyncio.to_thread(sign_in.change_password, change.current_password, change.new_password, caller_of(http))
