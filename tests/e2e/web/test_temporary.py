"""Chats that nobody keeps: asked, streamed, stopped, asked again."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from tests.e2e.web.talking import LONG, answers, ask, limit, until_begun, until_ended


def test_from_nothing_to_an_answer(page: Page) -> None:
    page.goto("/temporary")
    limit(page, 24)
    ask(page, "What is the wind?")
    until_ended(answers(page))
    expect(page.get_by_text("Written by AI")).to_be_visible()
    expect(page.get_by_text("You are talking to an AI")).to_be_visible()


def test_an_answer_is_stopped_and_asked_for_again(page: Page) -> None:
    page.goto("/temporary")
    ask(page, LONG)
    until_begun(answers(page))
    page.get_by_role("button", name="Stop").click()
    expect(answers(page)).to_have_attribute("data-state", "stopped")
    limit(page, 8)
    page.get_by_role("button", name="Another answer").click()
    until_ended(answers(page))
    expect(page.get_by_text("2 of 2")).to_be_visible()
    page.get_by_role("button", name="Previous version").click()
    expect(page.get_by_text("You stopped this answer.")).to_be_visible()
