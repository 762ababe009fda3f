"""Hostile words, wherever they may come from, do nothing: they are read, and that is all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, Route
from tests.e2e.web.payloads import PAYLOADS
from tests.e2e.web.talking import answers, ask, until_ended


def answer_with(page: Page, address: str, body: object, kind: str = "application/json") -> None:
    """Let the server's answer at an address be this one."""
    text = body if isinstance(body, str) else json.dumps(body)

    def fulfil(route: Route) -> None:
        route.fulfill(status=200, content_type=kind, body=text)

    page.route(address, fulfil)


def message(number: int, role: str, content: str, **fields: Any) -> dict[str, Any]:
    said = {"id": f"m{number}", "parent": None, "role": role, "state": "complete", "created_at": 1, "content": content}
    rest = {"attachments": [], "tool_call_id": None, "reasoning": None, "tool_calls": [], "model": None}
    return {**said, **rest, **fields}


def chat(number: int, title: str) -> dict[str, Any]:
    flags = {"pinned": False, "archived": False, "folder": None, "active": None, "model": None}
    return {"id": f"chat_{number}", "title": title, "created_at": 1, "updated_at": 1, **flags}


@pytest.fixture
def nobody_pwned(page: Page) -> Any:
    page.on("dialog", lambda dialog: pytest.fail(f"a page said {dialog.message}"))
    yield
    assert page.evaluate("window.pwned") is None


def test_there_are_enough_of_them() -> None:
    assert len(set(PAYLOADS)) >= 100


@pytest.mark.usefixtures("nobody_pwned")
def test_what_models_tools_and_people_say(page: Page) -> None:
    said = []
    for number, payload in enumerate(PAYLOADS):
        call = {"id": f"c{number}", "function": {"name": payload, "arguments": payload}}
        said += [
            message(4 * number, "user", payload, attachments=[{"id": f"a{number}", "name": payload}]),
            message(4 * number + 1, "assistant", payload, reasoning=payload, tool_calls=[call]),
            message(4 * number + 2, "tool", payload),
        ]
    answer_with(page, "**/v1/shared/*", {"title": PAYLOADS[0], "created_at": 1, "messages": said})
    page.goto("/shared/anything")
    page.get_by_role("article", name="The assistant said").nth(len(PAYLOADS) - 1).wait_for()
    page.locator("details").evaluate_all("all => all.forEach((each) => (each.open = true))")
    page.wait_for_timeout(1500)  # images, diagrams and formulas come later
    assert page.locator("script:not([src^='/'])").count() == 0
    assert page.locator("iframe, object, embed, form, base, link[href*=evil], img:not([src^=blob])").count() == 0
    links = page.locator("article a").evaluate_all("all => all.map((each) => [each.protocol, each.rel, each.target])")
    assert {protocol for protocol, _, _ in links} <= {"https:", "http:", "mailto:"}
    assert all("noopener" in rel and target == "_blank" for _, rel, target in links)


@pytest.mark.usefixtures("nobody_pwned")
def test_titles(page: Page) -> None:
    chats = [chat(number, payload) for number, payload in enumerate(PAYLOADS)]
    answer_with(page, "**/v1/chats?*", {"data": chats, "next_page_token": None})
    page.goto("/")
    page.get_by_role("link", name=PAYLOADS[1], exact=True).wait_for()
    assert page.locator("nav img, nav script, nav iframe").count() == 0


@pytest.mark.usefixtures("nobody_pwned")
def test_words_while_they_are_streamed(page: Page) -> None:
    """In pieces that cut tags in two."""
    text = "\n\n".join(payload for payload in PAYLOADS if "<!--" not in payload)
    pieces = [text[start : start + 40] for start in range(0, len(text), 40)]
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "system_fingerprint": "f"}
    events = [
        {**chunk, "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]} for piece in pieces
    ]
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    answer_with(page, "**/v1/chat/completions", stream, "text/event-stream")
    page.goto("/temporary")
    ask(page, "Hello")
    until_ended(answers(page))
    page.wait_for_timeout(500)
