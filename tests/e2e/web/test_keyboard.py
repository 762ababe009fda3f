"""Nothing but a keyboard: everything is reached, the focus is always seen, and it comes back to where it was."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect
from tests.e2e.web.talking import LONG, answers, composer, limit, questions, until_begun, until_ended

MOST_STOPS = 80
"""Presses of Tab within which everything on a page is reached."""

SEEN = """() => {
  const focused = document.activeElement;
  if (focused === document.body) return true; // between the page's end and its beginning
  const { width, height } = focused.getBoundingClientRect();
  const marked = (each) => each && getComputedStyle(each).outlineStyle !== 'none';
  const framed = focused.closest('form, label');
  return width > 0 && height > 0 && (marked(focused) || (framed && framed.matches(':focus-within')));
}"""


def reach(page: Page, target: Locator, keys: str = "Tab") -> None:
    """Press the keys until it has the focus, which is to be seen at every stop."""
    for _ in range(MOST_STOPS):
        if target.evaluate("all => all === document.activeElement"):
            return
        page.keyboard.press(keys)
        assert page.evaluate(SEEN), page.evaluate("document.activeElement.outerHTML")
    raise AssertionError(f"{target} is not reached")


def press(page: Page, name: str, keys: str = "Tab") -> Locator:
    """Reach a button and press it."""
    button = page.get_by_role("button", name=name, exact=True)
    reach(page, button, keys)
    page.keyboard.press("Enter")
    return button


def test_asked_stopped_edited_and_looked_into(page: Page) -> None:
    page.goto("/")
    expect(composer(page)).to_be_focused()
    page.keyboard.type(LONG)
    page.keyboard.press("Enter")
    until_begun(answers(page))
    expect(composer(page)).to_be_focused()
    press(page, "Stop")
    expect(answers(page)).to_have_attribute("data-state", "stopped")
    edits_the_question(page)
    looks_into_the_receipt(page)
    opens_the_menu_of_the_chat(page)


def edits_the_question(page: Page) -> None:
    edit = press(page, "Edit the question", "Shift+Tab")
    page.keyboard.press("Escape")
    expect(edit).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Edit the question")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("Which winds blow?")
    press(page, "Instructions and parameters")
    reach(page, page.get_by_label("Longest answer, in tokens"))
    page.keyboard.type("8")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Instructions and parameters")).to_be_focused()
    press(page, "Ask again", "Shift+Tab")
    expect(composer(page)).to_be_focused()
    expect(questions(page)).to_contain_text("Which winds blow?")
    until_ended(answers(page))


def looks_into_the_receipt(page: Page) -> None:
    receipt = press(page, "Receipt", "Shift+Tab")
    press(page, "Verify the signature")
    expect(page.get_by_text("The signature is valid")).to_be_visible()
    press(page, "Close")
    expect(receipt).to_be_focused()


def opens_the_menu_of_the_chat(page: Page) -> None:
    menu = press(page, "This conversation", "Shift+Tab")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("Name")).to_be_focused()
    press(page, "Cancel")
    expect(menu).to_be_focused()


def test_searched_and_spoken_in_another_language(page: Page) -> None:
    page.goto("/")
    limit(page, 8)
    composer(page).focus()
    page.keyboard.type("Is it calm at Ouessant?")
    page.keyboard.press("Enter")
    until_ended(answers(page))
    page.keyboard.press("Control+k")
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    page.keyboard.type("ouess")
    expect(page.locator("mark").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(search).to_have_value("")
    expect(composer(page)).to_be_focused()
    reach(page, page.locator("a[href='/account']"), "Shift+Tab")
    page.keyboard.press("Enter")
    language = page.locator("select:has(option[value=fr])")
    reach(page, language)
    page.keyboard.type("fran")
    expect(page.get_by_role("heading", name="Votre compte")).to_be_visible()
    expect(language).to_be_focused()
    expect(page).to_have_url(re.compile("/account$"))
