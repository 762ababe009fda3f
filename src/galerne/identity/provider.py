"""Whoever vouches for people: a provider of OpenID Connect (Keycloak, ProConnect, Entra, ...).

    authorization_url -> the person signs in there -> claims of the code that came back

Sources: OpenID Connect Core and Discovery 1.0 (https://openid.net/developers/specs/), RFC 7636 (PKCE).
"""

from __future__ import annotations

import ipaddress
import json
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from galerne.errors import NotAuthenticated, SettingsError, Unavailable

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Of signatures: those with a public key. "none" signs nothing, and whoever has our secret could make an HMAC."""

KEPT_SECONDS = 3600.0
"""How long what the provider says of itself is taken for true."""

KEYS_AT_LEAST_SECONDS = 10.0
"""For so long its keys are not fetched again, whatever names of keys come."""

NONSENSE = (JoseError, OAuthError, ValueError, LookupError, TypeError, AttributeError)
"""What comes of answers that are not what the standards say."""

LEEWAY_SECONDS = 60
TIMEOUT_SECONDS = 10.0
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SignInRequest:
    """What we asked a provider for, until the person comes back. `new_request` sets every field."""

    nonce: str
    verifier: str  # of PKCE
    redirect_uri: str
    next: str  # where the person wanted to go: a path of ours


def new_request(redirect_uri: str, next: str) -> SignInRequest:
    return SignInRequest(secrets.token_urlsafe(32), secrets.token_urlsafe(48), redirect_uri, next)


class Provider:
    """One provider, for which we are a client. Its methods block, and raise `Unavailable` when it does not answer."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None, scopes: str) -> None:
        """Raises `SettingsError` for an issuer that anybody between us could be."""
        self.issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._scopes = scopes
        self._about: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        if not _is_safe(issuer):
            raise SettingsError("is no https:// address.", where="oidc_issuer")

    def authorization_url(self, request: SignInRequest, state: str) -> str:
        """Where the person signs in."""
        with self._client(request.redirect_uri) as client:
            url, _ = client.create_authorization_url(
                self._metadata()["authorization_endpoint"],
                state=state,
                nonce=request.nonce,
                code_verifier=request.verifier,
            )
        return str(url)

    def claims(self, code: str, request: SignInRequest) -> Mapping[str, Any]:
        """Who the person is, as the provider signed it. Raises `NotAuthenticated`."""
        try:
            with self._client(request.redirect_uri) as client:
                token = client.fetch_token(
                    self._metadata()["token_endpoint"],
                    code=code,
                    grant_type="authorization_code",
                    code_verifier=request.verifier,
                )
            claims = self._checked(str(token.get("id_token", "")), request.nonce)
            return claims if "email" in claims else {**self._userinfo(token, claims["sub"]), **claims}
        except NONSENSE as error:
            said = f"what the provider says cannot be taken for true ({type(error).__name__}: {str(error)[:200]})."
            raise NotAuthenticated(said, where="oidc", hint="Try again.") from None
        except httpx2.HTTPError as error:
            raise _silent(error) from None

    def logout_url(self, back: str) -> str | None:
        """Where the person signs out there, too, and comes back from; None: the provider has no such place."""
        endpoint = self._metadata().get("end_session_endpoint")
        if endpoint is None:
            return None
        return f"{endpoint}?{urlencode({'client_id': self._client_id, 'post_logout_redirect_uri': back})}"

    def _client(self, redirect_uri: str) -> OAuth2Client:
        return OAuth2Client(
            self._client_id,
            self._client_secret,
            scope=self._scopes,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_SECONDS,
            verify=self._tls,
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Whom the system trusts; reading that takes longer than asking the provider."""
        return ssl.create_default_context()

    def _checked(self, token: str, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token that was signed by the provider, for us, for this request, and is not over."""
        options = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        decoded = self._decoded(token)
        params = {"nonce": nonce, "client_id": self._client_id}
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        claims.validate(leeway=LEEWAY_SECONDS)
        return dict(claims)

    def _decoded(self, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, self._key_set(), algorithms=ALGORITHMS)
        except InvalidKeyIdError:  # the provider has a new key
            return jwt.decode(token, self._key_set(KEYS_AT_LEAST_SECONDS), algorithms=ALGORITHMS)

    def _userinfo(self, token: Mapping[str, Any], subject: str) -> Mapping[str, Any]:
        """What is not in the ID token; of the same person, or it is an error."""
        endpoint = self._metadata().get("userinfo_endpoint")
        if endpoint is None:
            return {}
        with httpx2.Client(timeout=TIMEOUT_SECONDS, verify=self._tls) as client:
            response = client.get(endpoint, headers={"authorization": f"Bearer {token['access_token']}"})
        response.raise_for_status()
        signed = response.headers.get("content-type", "").startswith("application/jwt")
        info = self._decoded(response.text).claims if signed else response.json()
        if info["sub"] != subject:
            raise ValueError("the user information is somebody else's")
        return dict(info)

    def _metadata(self) -> Mapping[str, Any]:
        if self._about is None or time.monotonic() - self._about[0] > KEPT_SECONDS:
            found = _fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration", self._tls)
            if found.get("issuer") != self.issuer:
                raise Unavailable(f"the provider says that it is {found.get('issuer')!r}.", where="oidc_issuer")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not _is_safe(str(found.get(name))):
                    raise Unavailable(f"the provider has no safe {name}.", where="oidc_issuer")
            self._about = time.monotonic(), found
        return self._about[1]

    def _key_set(self, at_most: float = KEPT_SECONDS) -> KeySet:
        """The provider's public keys, no older than so many seconds."""
        if self._keys is None or time.monotonic() - self._keys[0] > at_most:
            self._keys = time.monotonic(), KeySet.import_key_set(_fetch(self._metadata()["jwks_uri"], self._tls))
        return self._keys[1]


def _fetch(url: str, tls: ssl.SSLContext) -> Any:
    """A JSON object. Raises `Unavailable`."""
    try:
        with httpx2.Client(timeout=TIMEOUT_SECONDS, verify=tls) as client:
            response = client.get(url)
        response.raise_for_status()
        document = json.loads(response.text[:MOST_BYTES])
    except (httpx2.HTTPError, ValueError) as error:
        raise _silent(error) from None
    if not isinstance(document, dict):
        raise _silent(ValueError("no object"))
    return document


def _silent(error: Exception) -> Unavailable:
    return Unavailable(f"the identity provider does not answer ({type(error).__name__}).", where="oidc", retry_after=5)


def _is_safe(url: str) -> bool:
    """TLS, or this machine."""
    parts = urlsplit(url)
    if parts.scheme != "http":
        return parts.scheme == "https" and bool(parts.hostname)
    try:
        return parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
