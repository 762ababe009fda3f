"""The assistant's pages: what `make pages` built of web/, served to browsers from the same address as the API.

A page may load nothing from another host and run nothing that is not a file of ours: the policy has no exception for
inline code or styles. Files whose names hold a digest are kept by browsers for ever; all else is asked for again.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.datastructures import Headers
from starlette.responses import Response

from galerne.errors import NotFound

BUILT = Path(__file__).with_name("built_pages")
"""Where Vite writes to; not in the repository."""

ADDRESSES = (
    "/",
    "/chats/{rest:path}",
    "/temporary",
    "/compare",
    "/archive",
    "/shared/{rest:path}",
    "/sign-in",
    "/account",
    "/console",
    "/console/{rest:path}",
)
"""Each is the same page: its program reads the address. What is not here stays the API's to refuse."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

SAFE: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_FOREVER = "public, max-age=31536000, immutable"
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))  # the best first


@dataclass(frozen=True, slots=True)
class Page:
    """A built file in the form that a browser takes. `_page` sets every field."""

    body: bytes
    media_type: str
    encoding: str | None
    tag: str  # its ETag


def page_routes(built: Path = BUILT) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    async def index(http: Request) -> Response:
        return _response(http, built / "index.html", "no-cache")

    for address in ADDRESSES:
        router.add_api_route(address, index)

    @router.get("/assets/{name}")
    async def asset(http: Request, name: str) -> Response:
        return _response(http, built / "assets" / name, _FOREVER)

    for file in sorted(built.glob("*")):
        if file.is_file() and file.name != "index.html" and file.suffix not in (".br", ".gz"):
            router.add_api_route(f"/{file.name}", _fixed(file))
    return router


def _fixed(file: Path) -> Callable[[Request], Awaitable[Response]]:
    async def fixed(http: Request) -> Response:
        return _response(http, file, "no-cache")

    return fixed


def _response(http: Request, file: Path, caching: str) -> Response:
    page = _page(file, _encoding(http.headers, file))
    headers = {**SAFE, "Cache-Control": caching, "ETag": page.tag, "Vary": "Accept-Encoding"}
    if http.headers.get("if-none-match") == page.tag:
        return Response(status_code=304, headers=headers)
    if page.encoding:
        headers["Content-Encoding"] = page.encoding
    return Response(page.body, headers=headers, media_type=page.media_type)


def _encoding(headers: Headers, file: Path) -> str | None:
    """The best encoding that the browser takes and that the build has written beside the file."""
    taken = {word.partition(";")[0].strip() for word in headers.get("accept-encoding", "").split(",")}
    for encoding, suffix in _ENCODINGS:
        if encoding in taken and _variant(file, suffix).is_file():
            return encoding
    return None


@cache
def _page(file: Path, encoding: str | None) -> Page:
    """Raises `NotFound` for a file that the build did not write, and when there is no build at all."""
    path = _variant(file, dict(_ENCODINGS)[encoding]) if encoding else file
    try:
        body = path.read_bytes()
    except (OSError, ValueError):
        raise _missing(file) from None
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    kind = {".js": "text/javascript", ".webmanifest": "application/manifest+json"}.get(file.suffix, kind)
    return Page(body, kind, encoding, f'"{sha256(body).hexdigest()[:32]}"')


def _variant(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def _missing(file: Path) -> NotFound:
    if file.name == "index.html":
        return NotFound("the assistant's pages are not built.", hint="Run `make pages`; the API is at /docs.")
    return NotFound("there is no such file of the assistant's pages.", hint="Load the page again.")
