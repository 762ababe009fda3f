"""Pictures of the main pages for the documents: `python -m tests.e2e.web.screenshots`, with a server at GALERNE_URL."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from tests.e2e.web.conftest import FLAGS
from tests.e2e.web.talking import answers, ask, limit, until_ended
from tests.e2e.web.test_everyone import rich_chat

IMAGES = Path(__file__).parents[3] / "docs/images"
SERVER = os.environ.get("GALERNE_URL", "http://127.0.0.1:8000")


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for theme in ("light", "dark"):
            page = _page(browser, theme, 1280, 800)
            page.goto("/")
            _picture(page, f"start-{theme}")
            rich_chat(page)
            page.locator(".messages").evaluate("all => all.scrollTo(0, 0)")
            _picture(page, f"chat-{theme}")
        page = _page(browser, "light", 1280, 800)
        page.goto("/")
        limit(page, 60)
        ask(page, "Name three winds of France.")
        until_ended(answers(page))
        page.get_by_role("button", name="Receipt").click()
        page.get_by_role("button", name="Verify the signature").click()
        _picture(page, "receipt")
        page.goto("/console/usage")
        _picture(page, "console")
        phone = _page(browser, "light", 390, 780)
        rich_chat(phone)
        _picture(phone, "phone")
        browser.close()


def _page(browser: Browser, theme: str, width: int, height: int) -> Page:
    viewport = {"width": width, "height": height}
    scheme = {"color_scheme": theme, "reduced_motion": "reduce"}
    context = browser.new_context(base_url=SERVER, locale="en-GB", viewport=viewport, **scheme)  # type: ignore[arg-type]
    return context.new_page()


def _picture(page: Page, name: str) -> None:
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / f"{name}.png", scale="css")


if __name__ == "__main__":
    main()
