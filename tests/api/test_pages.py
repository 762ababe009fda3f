"""The assistant's pages as a browser is given them: what is kept, what is packed, what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from fastapi import FastAPI
from tests.api.client import Client
from tests.api.house import House

from galerne.api import errors
from galerne.api.pages import POLICY, SAFE, page_routes


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    for name, content in {"index.html": b"<html>", "theme.js": b"theme", "assets/main-1a2b.js": b"program"}.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    (tmp_path / "assets/main-1a2b.js.br").write_bytes(b"brotli")
    return tmp_path


@pytest.fixture
def client(built: Path) -> Client:
    app = FastAPI(redirect_slashes=False)
    app.include_router(page_routes(built))
    errors.install(app)
    return Client(app)


@pytest.mark.parametrize("address", ["/", "/chats/chat_1", "/temporary", "/shared/x", "/account", "/console/users"])
async def test_each_address_of_the_pages_is_the_same_page(client: Client, address: str) -> None:
    answer = await client.get(address)
    assert (answer.status, answer.body) == (200, b"<html>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert {name.lower(): value for name, value in SAFE.items()}.items() <= answer.headers.items()


async def test_the_policy_has_no_exceptions() -> None:
    assert POLICY.startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in POLICY
    for exception in ("unsafe", "http", "*", "nonce"):
        assert exception not in POLICY


async def test_pages_of_the_origins_that_were_named_show_the_assistant_in_a_frame_and_no_other_page(
    built: Path,
) -> None:
    (built / "embed.js").write_bytes(b"bubble")
    app = FastAPI(redirect_slashes=False)
    app.include_router(page_routes(built, embed_origins=("https://www.town.example", "http://127.0.0.1:9000")))
    client = Client(app)
    frame = await client.get("/embed")
    assert frame.body == b"<html>"
    ancestors = "frame-ancestors https://www.town.example http://127.0.0.1:9000"
    assert frame.headers["content-security-policy"] == POLICY.replace("frame-ancestors 'none'", ancestors)
    assert "x-frame-options" not in frame.headers
    script = await client.get("/embed.js")
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    for headers in (script.headers, (await client.get("/")).headers):
        assert (headers["content-security-policy"], headers["x-frame-options"]) == (POLICY, "DENY")


async def test_where_no_origin_is_named_there_is_no_frame(client: Client) -> None:
    answer = await client.get("/embed")
    assert {name.lower(): value for name, value in SAFE.items()}.items() <= answer.headers.items()


async def test_files_are_packed_as_the_browser_takes_them(client: Client) -> None:
    address = "/assets/main-1a2b.js"
    best = await client.get(address, {"accept-encoding": "gzip, deflate, br;q=1.0"})
    assert (best.body, best.headers["content-encoding"]) == (b"brotli", "br")
    packed = await client.get(address, {"accept-encoding": "gzip"})
    assert (gzip.decompress(packed.body), packed.headers["content-encoding"]) == (b"program", "gzip")
    plain = await client.get(address)
    assert plain.body == b"program"
    assert "content-encoding" not in plain.headers
    assert plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["content-type"].startswith("text/javascript")
    assert len({answer.headers["etag"] for answer in (best, packed, plain)}) == 3


async def test_what_a_browser_has_is_not_sent_again(client: Client) -> None:
    first = await client.get("/theme.js")
    again = await client.get("/theme.js", {"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("name", ["..", ".", "nothing.js", "..%2Findex.html", "%00", "x" * 3000, "main-1a2b.js/"])
async def test_there_is_nothing_else(client: Client, name: str) -> None:
    assert (await client.get(f"/assets/{name}")).status == 404


async def test_the_pages_hide_nothing_of_the_api() -> None:
    client = House().client
    for address in ("/v1/models", "/docs", "/metrics", "/healthz", "/openapi.json"):
        assert (await client.get(address)).status == 200
    unknown = await client.get("/nothing")
    assert (unknown.status, unknown.json()["code"]) == (404, "not_found")


async def test_without_a_build_it_is_said_what_to_do(tmp_path: Path) -> None:
    app = FastAPI(redirect_slashes=False)
    app.include_router(page_routes(tmp_path))
    errors.install(app)
    answer = await Client(app).get("/")
    assert answer.status == 404
    assert "make pages" in answer.json()["message"]
