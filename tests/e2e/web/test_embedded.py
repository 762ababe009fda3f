"""The assistant in a bubble on somebody else's page, by a key that may do nothing but ask."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.process import GALERNE, MODEL, Served, serve
from tests.e2e.web.conftest import PATIENCE_MS
from tests.e2e.web.talking import answers, ask
from tests.e2e.web.test_everyone import barriers

TITLE = "Ask the town hall"


@contextmanager
def site(page: list[str]) -> Iterator[str]:
    """A web site with one page, which may be given later; its origin."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page[0].encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def key_for_asking(environment: dict[str, str]) -> str:
    def admin(*words: str) -> str:
        command = [GALERNE, "admin", *words]
        return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True).stdout

    service = re.findall(r"service-\w+", admin("services", "create", "bubble", "--role", "guest"))[0]
    return str(re.findall(r"gal-\S+", admin("keys", "create", "bubble", "--user", service, "--scope", "chat"))[0])


@pytest.fixture
def sites(environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[str, str, Served]]:
    """The origin that may show the assistant, one that may not, and the server; both have the same page."""
    page = [""]
    with site(page) as allowed, site(page) as stranger:
        own = environment | {
            "GALERNE_DATA_DIR": str(tmp_path),
            "GALERNE_AUTH": "keys",
            "GALERNE_EMBED_ORIGINS": json.dumps([allowed]),
        }
        key = key_for_asking(own)
        with serve(own) as served:
            served.until_ready()
            page[0] = (
                "<!doctype html><html lang=en><title>Town</title><main><h1>Town</h1></main>"
                f'<script src="{served.url}/embed.js" data-key="{key}" data-model="{MODEL}" data-title="{TITLE}" '
                'data-instructions="Answer in one short sentence."></script>'
            )
            yield allowed, stranger, served


def test_it_answers_on_a_page_that_may_show_it_and_is_refused_on_another(
    browser: Browser, sites: tuple[str, str, Served]
) -> None:
    allowed, stranger, _ = sites
    with browser.new_context(locale="en-GB", viewport={"width": 1000, "height": 800}) as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        refusals: list[str] = []
        page.on("console", lambda said: refusals.append(said.text) if "frame-ancestors" in said.text else None)
        answers_in_its_frame(page, allowed)
        assert refusals == []
        page.goto(stranger)
        page.get_by_role("button", name=TITLE).click()
        expect(page.locator("iframe")).to_be_visible()
        page.wait_for_timeout(500)
        assert page.frame_locator("iframe").get_by_role("textbox").count() == 0
        assert refusals


def answers_in_its_frame(page: Page, origin: str) -> None:
    page.goto(origin)
    button = page.get_by_role("button", name=TITLE)
    expect(button).to_have_attribute("aria-expanded", "false")
    button.click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name=TITLE)).to_be_visible()
    frame.get_by_role("textbox", name="Your message").fill("Hello")
    frame.get_by_role("textbox", name="Your message").press("Enter")
    answer = frame.get_by_role("article", name="The assistant said")
    expect(answer).to_have_attribute("data-state", "complete", timeout=PATIENCE_MS)
    expect(answer.locator(".markdown")).not_to_be_empty()
    button.click()
    expect(page.locator("iframe")).to_be_hidden()
    button.click()
    expect(answer).to_be_visible()  # it is still there


REFUSES_TO_KEEP = (
    "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('', 'SecurityError') }})"
)
"""What browsers do in a frame of another site, where they keep nothing for those."""


def test_it_has_no_barriers_and_needs_neither_key_nor_storage_where_nobody_asks_for_them(page: Page) -> None:
    page.add_init_script(REFUSES_TO_KEEP)
    page.goto(f"/embed#title=Town&model={MODEL}")
    ask(page, "Hello")
    expect(answers(page)).to_have_attribute("data-state", "complete")
    assert barriers(page) == []
