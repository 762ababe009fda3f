"""A house with a door: invited, signed in, signed out, and nothing before that."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.process import GALERNE, Served, serve
from tests.e2e.web.conftest import PATIENCE_MS
from tests.e2e.web.talking import answers, ask, composer, limit, until_ended

PASSWORD = "a north-west wind of France"


@pytest.fixture
def locked(environment: dict[str, str], tmp_path: Path) -> Iterator[tuple[Served, str]]:
    """A server that wants to know who asks, and an invitation to it."""
    own = environment | {"GALERNE_DATA_DIR": str(tmp_path), "GALERNE_AUTH": "keys"}
    command = [GALERNE, "admin", "users", "create", "anna@town.example", "Anna Le Goff", "--role", "admin"]
    said = subprocess.run(command, env=own, capture_output=True, text=True, check=True).stdout
    with serve(own) as served:
        served.until_ready()
        yield served, re.findall(r"/invitation#(\S+)", said)[0]


def test_by_invitation_then_by_password(browser: Browser, locked: tuple[Served, str]) -> None:
    served, invitation = locked
    with browser.new_context(base_url=served.url, locale="en-GB") as context:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto("/")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert composer(page).count() == 0
        page.goto(f"/invitation#{invitation}")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        limit(page, 8)
        ask(page, "Hello")
        until_ended(answers(page))
        cookie = next(each for each in context.cookies() if each["name"] == "galerne_session")
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
        signs_out_and_in_again(page)


def signs_out_and_in_again(page: Page) -> None:
    page.get_by_role("link", name="Anna Le Goff").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Email").fill("anna@town.example")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation").get_by_role("link", name="Hello").click()
    expect(answers(page)).to_have_count(1)
