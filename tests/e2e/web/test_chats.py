"""Chats that the server keeps, as people live with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from tests.e2e.web.conftest import Watch
from tests.e2e.web.talking import (
    LONG,
    answers,
    ask,
    composer,
    limit,
    open_parameters,
    questions,
    until_begun,
    until_ended,
)


@pytest.fixture
def chat(page: Page) -> Page:
    """A chat with one short answer."""
    page.goto("/")
    limit(page, 12)
    ask(page, "Which winds blow at Brest?")
    until_ended(answers(page))
    return page


def in_menu(page: Page, item: str) -> None:
    """Press something in the menu of the chat that is shown."""
    page.get_by_role("button", name="This conversation").click()
    page.get_by_role("menuitem", name=item).click()


def test_a_chat_is_there_again_after_a_reload(chat: Page) -> None:
    said = answers(chat).locator(".markdown").inner_text()
    chat.reload()
    expect(answers(chat).locator(".markdown")).to_have_text(said, use_inner_text=True)
    expect(chat.get_by_role("link", name="Which winds blow at Brest?")).to_have_attribute("aria-current", "page")


def test_a_question_is_edited_and_both_branches_stay(chat: Page) -> None:
    first = answers(chat).locator(".markdown").inner_text()
    questions(chat).hover()
    chat.get_by_role("button", name="Edit the question").click()
    chat.get_by_role("textbox", name="Edit the question").fill("Which winds blow at Nantes?")
    chat.get_by_role("button", name="Ask again").click()
    expect(questions(chat)).to_contain_text("Nantes")
    until_ended(answers(chat))
    expect(chat.get_by_text("2 of 2")).to_be_visible()
    chat.get_by_role("button", name="Previous version").click()
    expect(questions(chat)).to_contain_text("Brest")
    expect(answers(chat).locator(".markdown")).to_have_text(first, use_inner_text=True)
    chat.reload()
    expect(questions(chat)).to_contain_text("Brest")


def test_a_reload_in_the_middle_of_an_answer_loses_nothing(page: Page) -> None:
    page.goto("/")
    limit(page, 150)
    ask(page, LONG)
    until_begun(answers(page))
    page.reload()
    expect(answers(page)).to_have_count(1)
    until_ended(answers(page))
    whole = answers(page).locator(".markdown").inner_text()
    page.reload()
    expect(answers(page).locator(".markdown")).to_have_text(whole, use_inner_text=True)


def test_a_chat_has_its_title_and_its_bound_from_the_first_question_on(page: Page) -> None:
    page.goto("/")
    with page.expect_request("**/messages") as asked:
        ask(page, LONG)
    assert asked.value.post_data_json["parameters"] == {"max_tokens": 2048}
    until_begun(answers(page))
    expect(page.get_by_role("heading", name="Write a very long story")).to_be_visible()
    expect(answers(page)).to_have_attribute("data-state", "running")
    page.get_by_role("button", name="Stop").click()


def test_a_connection_that_is_lost_is_found_again(page: Page, context: BrowserContext) -> None:
    page.goto("/")
    limit(page, 150)
    ask(page, LONG)
    until_begun(answers(page))
    context.set_offline(True)
    page.wait_for_timeout(300)
    context.set_offline(False)
    until_ended(answers(page))
    whole = answers(page).locator(".markdown").inner_text()
    page.reload()
    expect(answers(page).locator(".markdown")).to_have_text(whole, use_inner_text=True)


def test_an_answer_is_stopped_in_one_tab_and_seen_in_another(page: Page, context: BrowserContext, watch: Watch) -> None:
    page.goto("/")
    ask(page, LONG)
    until_begun(answers(page))
    expect(page).to_have_url(re.compile("/chats/"))
    other = context.new_page()
    watch.follow(other)
    other.goto(page.url)
    until_begun(answers(other))
    page.get_by_role("button", name="Stop").click()
    for tab in (page, other):
        expect(answers(tab)).to_have_attribute("data-state", "stopped")
    assert answers(page).inner_text() == answers(other).inner_text()


def test_the_receipt_is_signed_and_the_browser_sees_it(chat: Page) -> None:
    chat.get_by_role("button", name="Receipt").click()
    receipt = chat.get_by_role("dialog", name="Receipt")
    expect(receipt.get_by_text("smollm2-135m-instruct", exact=True)).to_be_visible()
    expect(receipt.get_by_text("12 written")).to_be_visible()
    receipt.get_by_role("button", name="Verify the signature").click()
    expect(receipt.get_by_text("The signature is valid")).to_be_visible()
    chat.keyboard.press("Escape")
    expect(receipt).to_be_hidden()


def test_a_chat_is_found_renamed_pinned_archived_and_deleted(chat: Page) -> None:
    in_menu(chat, "Rename")
    save_name(chat, "Name", "About the galerne")
    expect(chat.get_by_role("heading", name="About the galerne")).to_be_visible()
    chat.keyboard.press("Control+k")
    chat.get_by_role("searchbox").fill("brest")
    expect(chat.locator("mark").first).to_have_text("Brest")
    chat.get_by_role("searchbox").fill("galern")
    chat.get_by_role("link", name="About the galerne").first.click()
    chat.get_by_role("searchbox").fill("")
    in_menu(chat, "Pin")
    expect(chat.get_by_role("heading", name="Pinned")).to_be_visible()
    in_menu(chat, "Archive")
    expect(chat.get_by_role("navigation").get_by_role("link", name="About the galerne")).to_have_count(0)
    chat.get_by_role("link", name="Archive").click()
    chat.get_by_role("main").get_by_role("link", name="About the galerne").click()
    in_menu(chat, "Delete")
    address = chat.url
    chat.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(chat.get_by_text("What is on your mind?")).to_be_visible()
    chat.goto(address)
    expect(chat.get_by_text("There is nothing at this address.")).to_be_visible()


@pytest.mark.parametrize(("format", "sign"), [("Markdown", b"Which winds"), ("PDF", b"%PDF"), ("JSON", b'"messages"')])
def test_a_chat_is_exported(chat: Page, format: str, sign: bytes) -> None:
    with chat.expect_download() as download:
        in_menu(chat, f"Export as {format}")
    assert sign in Path(download.value.path()).read_bytes()


def test_a_shared_chat_is_read_without_signing_in_until_the_link_is_withdrawn(
    chat: Page, context: BrowserContext
) -> None:
    in_menu(chat, "Share")
    chat.get_by_role("button", name="Make a link").click()
    link = chat.get_by_label("The link: it is shown only now").input_value()
    reader = context.new_page()
    reader.goto(link)
    expect(reader.get_by_text("Which winds blow at Brest?").last).to_be_visible()
    expect(reader.get_by_text("Written by AI")).to_be_visible()
    chat.get_by_role("button", name="Withdraw").click()
    expect(chat.get_by_role("button", name="Withdraw")).to_have_count(0)
    reader.reload()
    expect(reader.get_by_text("This link leads nowhere any more.")).to_be_visible()


def test_a_file_goes_along_and_one_that_does_not_fit_is_told(page: Page) -> None:
    page.goto("/")
    limit(page, 8)
    page.get_by_role("button", name="Attach files").wait_for()
    files = page.locator("input[type=file]")
    files.set_input_files(
        {"name": "winds.txt", "mimeType": "text/plain", "buffer": b"The galerne blows from the north-west."}
    )
    expect(page.get_by_text(re.compile(r"\d+ tokens · fits"))).to_be_visible()
    files.set_input_files({"name": "long.txt", "mimeType": "text/plain", "buffer": b"wind and sea, " * 20_000})
    expect(page.get_by_text("more than the model can read at once")).to_be_visible()
    page.get_by_role("button", name="Remove: long.txt").click()
    ask(page, "From where does it blow?")
    until_ended(answers(page))
    expect(questions(page)).to_contain_text("winds.txt")


def paste(page: Page, text: str) -> None:
    composer(page).fill(text)
    for keys in ("Control+a", "Control+x", "Control+v"):
        composer(page).press(keys)


def test_a_long_text_that_is_pasted_is_attached_and_counted(page: Page) -> None:
    page.goto("/")
    limit(page, 8)
    page.get_by_role("button", name="Attach files").wait_for()
    paste(page, "Short.")
    expect(composer(page)).to_have_value("Short.")
    paste(page, "The galerne blows. " * 330)
    expect(composer(page)).to_have_value("")
    expect(page.get_by_text(re.compile(r"[\d,]+ tokens · fits"))).to_be_visible()
    paste(page, "wind and sea, " * 20_000)
    expect(page.get_by_text("more than the model can read at once")).to_be_visible()
    ask(page, "What blows?")
    expect(page.locator(".toast-failure")).to_contain_text("tokens")
    expect(composer(page)).to_have_value("What blows?")  # nothing of it is lost
    page.get_by_role("button", name="Remove: pasted.txt").nth(1).click()
    composer(page).press("Enter")
    until_ended(answers(page))
    expect(questions(page)).to_contain_text("pasted.txt")


def test_instructions_and_parameters_go_along_and_stay_with_the_chat(page: Page) -> None:
    wanted = {"Temperature": "0.3", "Top P": "0.85", "Longest answer, in tokens": "8", "Seed": "42"}
    page.goto("/")
    open_parameters(page)
    page.get_by_label("Instructions", exact=True).fill("Answer like a sailor.")
    for label, value in wanted.items():
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Close").click()
    sent = {"temperature": 0.3, "top_p": 0.85, "max_tokens": 8, "random_seed": 42}
    assert asked_with(page, "Which winds blow?") == ("Answer like a sailor.", sent)
    page.reload()
    open_parameters(page)
    expect(page.get_by_label("Instructions", exact=True)).to_have_value("Answer like a sailor.")
    for label, value in wanted.items():
        expect(page.get_by_label(label)).to_have_value(value)
    page.get_by_label("Seed").fill("")
    page.get_by_role("button", name="Close").click()
    del sent["random_seed"]
    assert asked_with(page, "And today?") == ("Answer like a sailor.", sent)


def asked_with(page: Page, question: str) -> tuple[str, dict[str, float]]:
    """The instructions and parameters that the browser sends with a question."""
    with page.expect_request("**/messages") as asked:
        ask(page, question)
    body = asked.value.post_data_json
    until_ended(answers(page).last)
    return body["system"], {name: value for name, value in body["parameters"].items() if value is not None}


def test_a_chat_is_put_into_a_folder_that_is_renamed_and_deleted(chat: Page) -> None:
    folder = chat.locator(".folder")
    chat.get_by_role("button", name="New folder").click()
    save_name(chat, "Name of the folder", "Winds")
    in_menu(chat, "Move to Winds")
    expect(folder.get_by_role("link", name="Which winds blow at Brest?")).to_be_visible()
    in_folder_menu(chat, "Winds", "Rename")
    save_name(chat, "Name of the folder", "Weather")
    expect(folder).to_contain_text("Weather")
    chat.reload()
    expect(folder.get_by_role("link", name="Which winds blow at Brest?")).to_be_visible()
    in_folder_menu(chat, "Weather", "Delete")
    expect(folder).to_have_count(0)
    expect(chat.get_by_role("navigation").locator("[aria-current=page]")).to_be_visible()  # the chat stays
    expect(answers(chat)).to_have_count(1)


def save_name(page: Page, label: str, name: str) -> None:
    page.get_by_role("dialog").get_by_label(label).fill(name)
    page.get_by_role("button", name="Save", exact=True).click()


def in_folder_menu(page: Page, folder: str, item: str) -> None:
    page.get_by_role("button", name=f"Actions for {folder}").click()
    page.get_by_role("menuitem", name=item).click()


def test_a_thumb_with_a_reason_stays(chat: Page) -> None:
    chat.get_by_role("button", name="Bad answer").click()
    dialog = chat.get_by_role("dialog", name="What was it like?")
    dialog.get_by_label("Wrong").check()
    dialog.get_by_label("Anything else?").fill("The winds are made up.")
    dialog.get_by_role("button", name="Send").click()
    expect(chat.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    chat.reload()
    expect(chat.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")


def test_two_answers_stand_side_by_side_and_one_is_chosen(chat: Page) -> None:
    chat.get_by_role("button", name="Another answer").click()
    until_ended(answers(chat))
    chat.get_by_role("button", name="Show the answers side by side").click()
    expect(answers(chat)).to_have_count(2)
    chat.get_by_role("button", name="Go on with this answer").first.click()
    expect(answers(chat)).to_have_count(1)
    expect(chat.get_by_text("1 of 2")).to_be_visible()


def test_a_prompt_is_saved_and_used(page: Page) -> None:
    page.goto("/")
    composer(page).fill("Explain it to a child: ")
    page.get_by_role("button", name="Saved prompts").click()
    dialog = page.get_by_role("dialog", name="Saved prompts")
    dialog.get_by_label("Name").fill("Simply")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("button", name="Use Simply")).to_be_visible()
    page.keyboard.press("Escape")
    composer(page).fill("")
    page.get_by_role("button", name="Saved prompts").click()
    page.get_by_role("button", name="Use Simply").click()
    expect(composer(page)).to_have_value("Explain it to a child: ")


def test_with_the_keyboard_alone(page: Page) -> None:
    page.goto("/")
    expect(composer(page)).to_be_focused()
    page.keyboard.type(LONG)
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("Begin.")
    expect(composer(page)).to_have_value(f"{LONG}\nBegin.")
    page.keyboard.press("Enter")
    until_begun(answers(page))
    page.keyboard.press("Escape")
    expect(answers(page)).to_have_attribute("data-state", "stopped")
    page.keyboard.press("Control+Shift+O")
    expect(page.get_by_text("What is on your mind?")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("searchbox")).to_be_focused()
    first = page.locator("a, button, input, textarea, select, [tabindex='0']").first
    expect(first).to_have_text("Skip to the conversation")
    first.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
