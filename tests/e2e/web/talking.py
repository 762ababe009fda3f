"""What people do with the pages, in the words of people."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect
from tests.e2e.web.conftest import PATIENCE_MS

LONG = "Write a very long story about the wind, the sea and a small boat."


def composer(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Your message")


def ask(page: Page, question: str) -> None:
    composer(page).fill(question)
    composer(page).press("Enter")


def answers(page: Page) -> Locator:
    return page.get_by_role("article", name="The assistant said")


def until_ended(answer: Locator) -> None:
    """Wait until it has ended as it should."""
    expect(answer).to_have_attribute("data-state", "complete", timeout=PATIENCE_MS)


def until_begun(answer: Locator) -> None:
    """Wait until some words are there, and more are coming."""
    expect(answer).to_have_attribute("data-state", "running", timeout=PATIENCE_MS)
    expect(answer.locator(".markdown")).not_to_be_empty(timeout=PATIENCE_MS)


def limit(page: Page, tokens: int, seed: int = 1) -> None:
    """Answers of at most so many tokens, and the same ones each time."""
    open_parameters(page)
    page.get_by_label("Longest answer, in tokens").fill(str(tokens))
    page.get_by_label("Seed").fill(str(seed))
    page.get_by_role("button", name="Close").click()


def open_parameters(page: Page) -> None:
    page.get_by_role("button", name="Instructions and parameters").click()


def questions(page: Page) -> Locator:
    return page.get_by_role("article", name="You said")


def model_row(page: Page, name: str) -> Locator:
    """A model in the console."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))
