"""Pages for everyone: no barrier that axe knows, both themes, phones, first load, very long conversations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.e2e.process import Served
from tests.e2e.web.talking import answers, ask, composer, limit, until_ended
from tests.e2e.web.test_hostile import answer_with, chat, message

AXE = Path(__file__).parents[3] / "web/node_modules/axe-core/axe.min.js"
TWO_FRAMES = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
WIDTHS = "[document.documentElement, ...document.querySelectorAll('.table')].map((each) => each.scrollWidth)"
"""Of the page and its tables: whether one must scroll sideways."""
FIRST_LOAD = 300_000
"""Bytes, compressed, that the first page may take."""

RICH = """# Winds

Some `code`, a [link](https://example.org), $a^2$ and

| wind | from |
|---|---|
| galerne | north-west |

```python
def wind() -> str:
    return "galerne"  # from the north-west
```

```mermaid
graph LR
  A --> B
```
"""


def barriers(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA and its own best practice, in both themes."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make pages")
    page.evaluate(AXE.read_text())
    return [barrier for theme in ("light", "dark") for barrier in _barriers_in(page, theme)]


def _barriers_in(page: Page, theme: Literal["light", "dark"]) -> list[str]:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.evaluate(TWO_FRAMES)  # nothing moves now: what draws itself anew for the theme has done so
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found: dict[str, Any] = page.evaluate("tags => axe.run(document, {runOnly: tags})", tags)
    return [f"{theme}: {each['id']}: {[_told(node) for node in each['nodes'][:2]]}" for each in found["violations"]]


def _told(node: dict[str, Any]) -> str:
    """The element, and what axe measured there, such as its colours."""
    return f"{node['html']} {[check['data'] for check in node['any'] if check['data']]}"


def rich_chat(page: Page) -> None:
    """A chat with all that an answer may have, as the server would tell it."""
    call = {"id": "c", "function": {"name": "wind", "arguments": '{"place": "Brest"}'}}
    said = [
        message(0, "user", "Which winds are there?", attachments=[{"id": "a", "name": "winds.txt"}]),
        message(
            1, "assistant", RICH, parent="m0", reasoning="Let me see.", tool_calls=[call], receipt="m1", model="small"
        ),
        message(2, "tool", '{"wind": 3}', parent="m1"),
        message(3, "assistant", '{"wind": "galerne"}', parent="m2", receipt="m3", model="small"),
    ]
    answer_with(page, "**/v1/chats/chat_1", {**chat(1, "Winds"), "active": "m3", "messages": said})
    page.goto("/chats/chat_1")
    page.locator(".katex").wait_for()
    page.locator("img.diagram").wait_for()


def test_no_page_has_barriers(page: Page) -> None:
    for address in ("/", "/temporary", "/account", "/archive", "/console", "/chats/none", "/shared/none"):
        page.goto(address)
        page.get_by_role("main").wait_for()
        page.wait_for_load_state("networkidle")
        assert (address, barriers(page)) == (address, [])
    rich_chat(page)
    assert barriers(page) == []
    page.get_by_role("button", name="Instructions and parameters").click()
    assert barriers(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="This conversation").click()
    assert barriers(page) == []


def test_the_console_has_no_barriers(page: Page) -> None:
    for part in ("usage", "users", "keys", "terms", "invoices", "models", "audit", "health", "settings"):
        page.goto(f"/console/{part}")
        page.wait_for_load_state("networkidle")
        assert (part, barriers(page)) == (part, [])


def let_in(page: Page) -> str:
    """Somebody, as the accounts call them."""
    said = page.request.post("/v1/admin/users", data={"email": f"{uuid4().hex}@town.example", "name": "Somebody"})
    return f"user:{said.json()['id']}"


def test_limits_models_and_prices_are_set_in_the_console(page: Page) -> None:
    whom = let_in(page)
    page.goto("/console/terms")
    limits, models, prices = (page.get_by_role("region", name=name) for name in ("Limits", "Allowed models", "Prices"))
    forms = page.locator("form")
    forms.nth(0).get_by_label("For whom").fill(whom)
    forms.nth(0).get_by_label("What").select_option("Euros a month")
    forms.nth(0).get_by_label("At most").fill("2.5")
    forms.nth(0).get_by_role("button", name="Save").click()
    expect(limits.get_by_role("row", name=f"{whom} Euros a month 2.5")).to_be_visible()
    forms.nth(1).get_by_label("For whom").fill(whom)
    forms.nth(1).get_by_label("Allowed models").fill("small, large")
    forms.nth(1).get_by_role("button", name="Save").click()
    expect(models.get_by_role("row", name=f"{whom} large, small")).to_be_visible()
    forms.nth(2).get_by_label("Model").fill("small")
    forms.nth(2).get_by_label("Euros for a million tokens").fill("0.30")
    forms.nth(2).get_by_role("button", name="Save").click()
    expect(prices.get_by_role("row", name="small Tokens read 0.3")).to_be_visible()
    assert barriers(page) == []
    limits.get_by_role("row", name=whom).get_by_role("button", name="Remove").click()
    expect(limits.get_by_role("row", name=whom)).to_have_count(0)


def test_signing_in_has_no_barriers(page: Page) -> None:
    page.route("**/v1/users/me", lambda route: route.fulfill(status=401, body="{}"))
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert barriers(page) == []


def test_a_theme_that_is_chosen_is_there_from_the_first_paint(page: Page) -> None:
    page.goto("/account")
    page.get_by_label("Theme").select_option("dark")
    page.reload(wait_until="commit")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 24)"


def test_on_a_phone(browser: Browser, served: Served) -> None:
    with browser.new_context(base_url=served.url, viewport={"width": 360, "height": 700}, has_touch=True) as context:
        page = context.new_page()
        let_in(page)
        for address in ("/", "/account", "/console/usage", "/console/models", "/console/users"):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            for wide in page.evaluate(WIDTHS):
                assert wide <= 360, address
        assert barriers(page) == []
        page.goto("/")
        limit(page, 8)
        ask(page, "Hello")
        until_ended(answers(page))
        page.get_by_role("button", name="Show the conversations").click()
        page.get_by_role("link", name="New chat").click()
        expect(page.get_by_role("navigation")).to_have_count(0)
        rich_chat(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_first_page_is_light_and_whole_without_what_comes_later(page: Page) -> None:
    cdp = page.context.new_cdp_session(page)
    cdp.send("Network.enable")
    received: list[float] = []
    cdp.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.goto("/")
    composer(page).wait_for()
    page.wait_for_load_state("networkidle")
    assert 50_000 < sum(received) <= FIRST_LOAD


def test_ten_thousand_messages_are_drawn_a_screen_at_a_time(page: Page) -> None:
    said = [
        message(at, "assistant" if at % 2 else "user", f"Number **{at}**", parent=f"m{at - 1}" if at else None)
        for at in range(10_000)
    ]
    answer_with(page, "**/v1/chats/chat_1", {**chat(1, "Long"), "active": "m9999", "messages": said})
    page.goto("/chats/chat_1")
    expect(page.get_by_text("Number 9999")).to_be_in_viewport()
    assert page.get_by_role("article").count() < 60
    page.locator(".messages").evaluate("all => all.scrollTo(0, 0)")
    expect(page.get_by_text("Number **0**")).to_be_in_viewport()
    page.get_by_role("button", name="To the end").click()
    expect(page.get_by_text("Number 9999")).to_be_in_viewport()


def test_what_was_found_is_on_the_screen_and_marked(page: Page) -> None:
    said = [
        message(at, "assistant" if at % 2 else "user", f"Number **{at}**", parent=f"m{at - 1}" if at else None)
        for at in range(400)
    ]
    hits = [
        {"chat": chat(1, "Long"), "message": at, "snippet": [{"text": at, "match": True}]} for at in ("m77", "m300")
    ]
    answer_with(page, "**/v1/chats/chat_1", {**chat(1, "Long"), "active": "m399", "messages": said})
    answer_with(page, "**/v1/chats/search*", {"data": hits, "has_more": False})
    page.goto("/")
    page.get_by_role("searchbox").fill("number")
    for at in ("77", "300"):
        page.get_by_role("link", name=f"Long m{at}").click()
        expect(page.locator("[data-sought=true]")).to_contain_text(at)
        expect(page.locator("[data-sought=true]")).to_be_in_viewport(ratio=1)
    assert barriers(page) == []


def test_fields_for_dates_stand_level_with_their_neighbours(page: Page) -> None:
    page.goto("/account")
    page.wait_for_load_state("networkidle")  # nothing above them arrives between one and the other
    boxes = [page.get_by_label(name, exact=True).bounding_box() for name in ("Name", "Valid until")]
    name, until = [box and (box["y"], box["height"]) for box in boxes]
    assert name == until


def test_screen_readers_hear_paragraphs_not_words(page: Page) -> None:
    page.goto("/temporary")
    page.evaluate(
        """() => { window.heard = []; const live = document.querySelector('main > [role=status]');
        new MutationObserver(() => window.heard.push(live.textContent)).observe(live,
        {childList: true, characterData: true, subtree: true}); }"""
    )
    limit(page, 40)
    ask(page, "Say something about the wind.")
    until_ended(answers(page))
    page.wait_for_timeout(200)
    heard = page.evaluate("window.heard")
    assert heard[0] == "The assistant is answering."
    assert 2 <= len(heard) < 8
    assert json.dumps(heard[-1]) != '""'


def test_it_can_be_installed(page: Page, context: BrowserContext) -> None:
    page.goto("/")
    manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then((all) => all.json())")
    assert (manifest["display"], manifest["start_url"]) == ("standalone", "/")
    for icon in manifest["icons"]:
        assert context.request.get(icon["src"]).ok
