"""A provider of OpenID Connect, small and honest: it signs the person in at once. It can be told to lie.

Discovery, the code flow with PKCE (S256), client authentication, signed ID tokens, user information, logout.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "galerne", "a secret of the client"

Claims = dict[str, Any]


class Provider:
    def __init__(self) -> None:
        self.url = ""  # once it is served
        self.person: Claims = {
            "sub": "248289761001",
            "email": "anna@town.example",
            "email_verified": True,
            "name": "Anna",
        }
        self.lie: Callable[[Claims], Claims] = lambda claims: claims
        self.sign: Callable[[Claims], str] = self._signed
        self.key = ECKey.generate_key("P-256", {"kid": "one"})
        self.in_token = True  # whether the ID token tells the email address, or the user information alone
        self.instead: dict[str, bytes] = {}  # what it says at a path, whatever was asked
        self._codes: dict[str, dict[str, str]] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discovery),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/jwks", self._jwks),
                Route("/userinfo", self._userinfo),
            ],
            middleware=[Middleware(BaseHTTPMiddleware, dispatch=self._dispatch)],
        )

    async def _dispatch(self, http: Request, answer: RequestResponseEndpoint) -> Response:
        said = self.instead.get(http.url.path)
        return await answer(http) if said is None else Response(said, media_type="application/json")

    async def _discovery(self, _: Request) -> Response:
        places = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "jwks_uri": "jwks",
            "userinfo_endpoint": "userinfo",
            "end_session_endpoint": "logout",
        }
        return JSONResponse({"issuer": self.url} | {name: f"{self.url}/{path}" for name, path in places.items()})

    async def _authorize(self, http: Request) -> Response:
        asked = dict(http.query_params)
        assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (CLIENT, "code", "S256")
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302)

    async def _token(self, http: Request) -> Response:
        sent = {name: values[0] for name, values in parse_qs((await http.body()).decode()).items()}
        expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if http.headers.get("authorization") != f"Basic {expected}":
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self._codes.pop(sent["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(sent["code_verifier"].encode()).digest()).rstrip(b"=")
        if (
            asked is None
            or asked["code_challenge"] != challenge.decode()
            or asked["redirect_uri"] != sent["redirect_uri"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        told = self.person if self.in_token else {"sub": self.person["sub"]}
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked["nonce"], **told}
        id_token = self.sign(self.lie(claims))
        return JSONResponse({"access_token": "an access token", "token_type": "Bearer", "id_token": id_token})

    async def _jwks(self, _: Request) -> Response:
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    async def _userinfo(self, http: Request) -> Response:
        assert http.headers["authorization"] == "Bearer an access token"
        return JSONResponse(self.person)

    def _signed(self, claims: Claims) -> str:
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key, algorithms=["ES256"])
