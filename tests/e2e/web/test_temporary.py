"""Chats that nobody keeps: asked, streamed, stopped, asked again."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

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


def test_nothing_of_it_is_kept_anywhere(page: Page, environment: dict[str, str]) -> None:
    folder = Path(environment["GALERNE_DATA_DIR"])
    for address, canary, where in (
        ("/", "Vlorquin", {"list", "search", "export", "files"}),
        ("/temporary", "Zephyrak", set()),
    ):
        page.goto(address)
        limit(page, 8)
        ask(page, f"Who is {canary}?")
        until_ended(answers(page))
        assert kept(page, canary, folder) == where


def kept(page: Page, word: str, folder: Path) -> set[str]:
    """Where the server has it: what it tells its user, and what it wrote."""
    exported = page.request.get("/v1/users/me/export")
    assert exported.ok
    with zipfile.ZipFile(BytesIO(exported.body())) as all:
        export = b"".join(all.read(name) for name in all.namelist())
    places = {
        "list": page.request.get("/v1/chats").body(),
        "search": page.request.get("/v1/chats/search", params={"q": word}).body(),
        "export": export,
        "files": b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file()),
    }
    return {name for name, content in places.items() if word.encode() in content}
