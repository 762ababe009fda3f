"""The cookie that a browser shows for whoever signed in, and what keeps other sites from using it."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from galerne.errors import Forbidden
from galerne.identity.sessions import csrf_token

COOKIE = "galerne_session"
SIGN_IN_COOKIE = "galerne_sign_in"
CSRF = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def session_token(headers: Headers) -> str | None:
    """The token in the cookie."""
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    return cookies[COOKIE].value if COOKIE in cookies else None


def check_csrf(method: str, headers: Headers, token: str) -> None:
    """The browser sends the cookie whichever site asks it to; only our own pages know the token. Raises `Forbidden`."""
    if method in SAFE:
        return
    shown = headers.get(CSRF, "")
    if not hmac.compare_digest(shown.encode(), csrf_token(token).encode()):
        hint = "Send the `csrf_token` of GET /v1/sessions/current."
        raise Forbidden("a request by cookie needs the token of its session.", where=CSRF, hint=hint)


def check_site(method: str, headers: Headers) -> None:
    """Where nobody shows who they are, another site must not act through a browser on this machine, either.

    Browsers say where a request comes from (https://www.w3.org/TR/fetch-metadata/). Raises `Forbidden`.
    """
    if method not in SAFE and headers.get("sec-fetch-site") == "cross-site":
        raise Forbidden("another site may not do this.", where="sec-fetch-site")


def check_origin(headers: Headers, origins: Collection[str]) -> None:
    """A key that is good on some pages alone. Browsers say on whose page a request is made. Raises `Forbidden`."""
    origin = headers.get("origin")
    if origin is not None and origin not in origins:
        hint = f"It is good on those of {', '.join(sorted(origins))}."
        raise Forbidden(f"this key may not be shown on pages of {origin[:100]!r}.", where="origin", hint=hint)


def check_host(headers: Headers) -> None:
    """Where nobody shows who they are, a site whose name was made to point here must not pass for this machine's own.

    An address or `localhost` cannot be made to point elsewhere ("DNS rebinding"). Raises `Forbidden`.
    """
    said = headers.get("host", "localhost")
    try:
        host = urlsplit(f"//{said}").hostname or ""
    except ValueError:
        host = said
    if host != "localhost" and not host.endswith(".localhost") and not _is_address(host):
        hint = "Ask for localhost, or let people show keys: `galerne serve --help`."
        raise Forbidden(f"without keys this server does not answer to the name {host!r}.", where="host", hint=hint)


def set_session(response: Response, http: Request, token: str, seconds: int) -> None:
    response.set_cookie(
        COOKIE, token, max_age=seconds, path="/", httponly=True, samesite="lax", secure=not _is_plain_loopback(http)
    )


def clear_session(response: Response, http: Request) -> None:
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=not _is_plain_loopback(http))


def set_sign_in(response: Response, http: Request, state: str) -> None:
    """The state of a sign-in at a provider: only the browser that began it can end it."""
    secure = not _is_plain_loopback(http)
    response.set_cookie(
        SIGN_IN_COOKIE, state, max_age=600, path="/v1/oidc", httponly=True, samesite="lax", secure=secure
    )


def clear_sign_in(response: Response, http: Request) -> None:
    response.delete_cookie(
        SIGN_IN_COOKIE, path="/v1/oidc", httponly=True, samesite="lax", secure=not _is_plain_loopback(http)
    )


def _is_plain_loopback(http: Request) -> bool:
    """Without TLS, and on this machine: the one place where a cookie needs none."""
    host = http.url.hostname or ""
    if http.url.scheme != "http":
        return False
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
