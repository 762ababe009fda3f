"""The assistant's pages: what `make pages` built of web/, served to browsers from the same address as the API.

A page may load nothing from another host and run nothing that is not a file of ours: the policy has no exception for
inline code or styles. Files whose names hold a digest are kept by browsers for ever; all else is asked for again.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from fastapi import Request
from starlette.datastructures import Headers
from starlette.responses import Response

from galerne.api.router import Router
from galerne.errors import NotFound

BUILT = Path(__file__).with_name("built_pages")
"""Where Vite writes to; not in the repository."""

ADDRESSES = (
    "/",
    "/chats/{rest:path}",
    "/temporary",
    "/archive",
    "/shared/{rest:path}",
    "/invitation",
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

SHARED: Mapping[str, str] = {**SAFE, "Cross-Origin-Resource-Policy": "cross-origin"}
"""Of the script that other sites load to show the assistant in a frame."""

_FOREVER = "public, max-age=31536000, immutable"
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))  # the best first


@dataclass(frozen=True, slots=True)
class Page:
    """A file of the build. `_page` sets every field."""

    body: bytes
    tag: str  # its ETag


def page_routes(built: Path = BUILT, *, embed_origins: Sequence[str] = ()) -> Router:
    """`embed_origins`: whose pages may show `/embed` in a frame; none of them may show another page."""
    router = Router(include_in_schema=False)

    async def index(http: Request) -> Response:
        return _response(http, built / "index.html", "no-cache")

    for address in ADDRESSES:
        router.add_api_route(address, index)

    framed = _framed(embed_origins) if embed_origins else SAFE

    @router.get("/embed")
    async def embed(http: Request) -> Response:
        return _response(http, built / "index.html", "no-cache", framed)

    @router.get("/assets/{name}")
    async def asset(http: Request, name: str) -> Response:
        return _response(http, built / "assets" / name, _FOREVER)

    for file in sorted(built.glob("*")):
        if file.is_file() and file.name != "index.html" and file.suffix not in (".br", ".gz"):
            router.add_api_route(f"/{file.name}", _fixed(file, SHARED if file.name == "embed.js" else SAFE))
    return router


def _framed(origins: Sequence[str]) -> dict[str, str]:
    """The headers of a page that pages of these origins show in a frame."""
    headers = {name: value for name, value in SHARED.items() if name != "X-Frame-Options"}
    return headers | {"Content-Security-Policy": POLICY.replace("ancestors 'none'", f"ancestors {' '.join(origins)}")}


def _fixed(file: Path, safe: Mapping[str, str]) -> Callable[[Request], Awaitable[Response]]:
    async def fixed(http: Request) -> Response:
        return _response(http, file, "no-cache", safe)

    return fixed


def _response(http: Request, file: Path, caching: str, safe: Mapping[str, str] = SAFE) -> Response:
    """Raises `NotFound` for a file that the build did not write, and when there is no build at all."""
    encoding, path = _variant(http.headers, file)
    try:
        page = _page(path, path.stat().st_mtime_ns)
    except (OSError, ValueError):
        raise _missing(file) from None
    headers = {**safe, "Cache-Control": caching, "ETag": page.tag, "Vary": "Accept-Encoding"}
    if http.headers.get("if-none-match") == page.tag:
        return Response(status_code=304, headers=headers)
    if encoding:
        headers["Content-Encoding"] = encoding
    return Response(page.body, headers=headers, media_type=_media_type(file))


def _variant(headers: Headers, file: Path) -> tuple[str | None, Path]:
    """The best encoding that the browser takes and that the build has written beside the file."""
    taken = {word.partition(";")[0].strip() for word in headers.get("accept-encoding", "").split(",")}
    for encoding, suffix in _ENCODINGS:
        packed = file.with_name(file.name + suffix)
        if encoding in taken and packed.is_file():
            return encoding, packed
    return None, file


@lru_cache(maxsize=256)
def _page(path: Path, _written: int) -> Page:
    """The file as it was written then: a build under a running server is seen at once."""
    body = path.read_bytes()
    return Page(body, f'"{sha256(body).hexdigest()[:32]}"')


def _media_type(file: Path) -> str:
    known = {".js": "text/javascript", ".webmanifest": "application/manifest+json", ".woff2": "font/woff2"}
    return known.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"


def _missing(file: Path) -> NotFound:
    if file.name == "index.html":
        return NotFound("the assistant's pages are not built.", hint="Run `make pages`; the API is at /docs.")
    return NotFound("there is no such file of the assistant's pages.", hint="Load the page again.")
