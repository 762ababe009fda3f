"""The assistant in a bubble on somebody else's page, by a key that may do nothing but ask."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.process import GALERNE, HTTP, MODEL, Served, serve
from tests.e2e.web.conftest import PATIENCE_MS
from tests.e2e.web.talking import answers, ask
from tests.e2e.web.test_everyone import barriers

TITLE = "Ask the town hall"


POLICY = "default-src 'none'; script-src {server}; frame-src {server}"
"""Of a page that lets nothing in but the assistant: no inline script, no style."""


@dataclass
class Town:
    """A page of another site, which may be given later. `tag` is the assistant's, `policy` what the page allows."""

    tag: str = ""
    policy: str = ""

    def html(self) -> bytes:
        return f"<!doctype html><html lang=en><title>Town</title><main><h1>Town</h1></main>{self.tag}".encode()


@contextmanager
def site(town: Town) -> Iterator[str]:
    """A web site with that page; its origin."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-security-policy", town.policy)
            self.end_headers()
            self.wfile.write(town.html())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def key_for(
    scopes: Sequence[str], environment: dict[str, str], role: str = "guest", per_minute: int | None = None
) -> str:
    def admin(*words: str) -> str:
        command = [GALERNE, "admin", *words]
        return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True).stdout

    scoped = [word for scope in scopes for word in ("--scope", scope)]
    service = re.findall(r"service-\w+", admin("services", "create", "bubble", "--role", role))[0]
    if per_minute is not None:
        admin("limits", "set", f"user:{service}", "requests_per_minute", str(per_minute))
    return str(re.findall(r"gal-\S+", admin("keys", "create", "bubble", "--user", service, *scoped))[0])


@dataclass
class Sites:
    """Two sites with the same page, of which one may show the assistant, and the server."""

    town: Town
    allowed: str
    stranger: str
    served: Served
    key: str
    spent: str  # a key that may ask no more in this minute
    manager: str  # a key that may make agents, and see what is kept

    def embed(self, **data: str) -> None:
        """Put the assistant's tag on the page."""
        said = " ".join(f'data-{name}="{word}"' for name, word in ({"key": self.key} | data).items())
        self.town.tag = f'<script src="{self.served.url}/embed.js" data-title="{TITLE}" {said}></script>'
        self.town.policy = POLICY.format(server=self.served.url)


@pytest.fixture(scope="module")
def sites(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    town = Town()
    with site(town) as allowed, site(town) as stranger:
        own = environment | {
            "GALERNE_DATA_DIR": str(tmp_path_factory.mktemp("embedded")),
            "GALERNE_AUTH": "keys",
            "GALERNE_EMBED_ORIGINS": json.dumps([allowed]),
        }
        key, spent = key_for(["chat:ask"], own), key_for(["chat:ask"], own, per_minute=0)
        manager = key_for(["agents:read", "agents:manage", "chat"], own, "member")
        with serve(own) as served:
            served.until_ready()
            yield Sites(town, allowed, stranger, served, key, spent, manager)


def test_it_answers_on_a_page_that_may_show_it_and_is_refused_on_another(browser: Browser, sites: Sites) -> None:
    sites.embed(model=MODEL, instructions="Answer in one short sentence.")
    with browser.new_context(locale="en-GB", viewport={"width": 1000, "height": 800}) as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        refusals: list[str] = []
        page.on("console", lambda said: refusals.append(said.text) if "frame-ancestors" in said.text else None)
        answers_in_its_frame(page, sites.allowed)
        assert refusals == []
        page.goto(sites.stranger)
        page.get_by_role("button", name=TITLE).click()
        expect(page.locator("iframe")).to_be_visible()
        page.wait_for_timeout(500)
        assert page.frame_locator("iframe").get_by_role("textbox").count() == 0
        assert refusals


def test_a_saved_agent_answers_and_nothing_of_it_is_kept(browser: Browser, sites: Sites) -> None:
    headers = {"authorization": f"Bearer {sites.manager}"}
    asked = {"model": MODEL, "name": "Town hall", "instructions": "Say: come in.", "completion_args": {"max_tokens": 8}}
    agent = HTTP.post(f"{sites.served.url}/v1/agents", json=asked, headers=headers).json()["id"]
    sites.embed(agent=agent)
    with browser.new_context(locale="en-GB") as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        refusals: list[str] = []
        page.on("console", lambda said: refusals.append(said.text) if "Content Security" in said.text else None)
        answers_in_its_frame(page, sites.allowed)
        assert refusals == []
    kept = HTTP.get(f"{sites.served.url}/v1/conversations", headers=headers)
    assert kept.json() == []


def test_when_its_key_may_ask_again_is_said_in_words(browser: Browser, sites: Sites) -> None:
    sites.embed(model=MODEL, key=sites.spent)
    with browser.new_context(locale="fr-FR") as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(sites.allowed)
        page.get_by_role("button", name=TITLE).click()
        frame = page.frame_locator("iframe")
        frame.get_by_role("textbox").fill("Bonjour")
        frame.get_by_role("textbox").press("Enter")
        words = re.compile(r"La limite est atteinte pour le moment\. Réessayez dans \d+ secondes?\.$")
        expect(frame.get_by_role("alert")).to_have_text(words)


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
