"""A house with a door: invited, signed in, signed out, and nothing before that."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.api.provider import CLIENT, SECRET, Provider
from tests.contract.server import serving
from tests.e2e.process import GALERNE, MODEL, Served, serve
from tests.e2e.web.conftest import PATIENCE_MS
from tests.e2e.web.talking import answers, ask, composer, limit, until_ended
from tests.e2e.web.test_everyone import barriers

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
        changes_the_password(page)
        lets_a_member_in(page, browser)


def test_at_the_organisations_own_provider(browser: Browser, environment: dict[str, str], tmp_path: Path) -> None:
    provider = Provider()
    with serving(provider.app) as provider.url:
        own = environment | {
            "GALERNE_DATA_DIR": str(tmp_path),
            "GALERNE_AUTH": "keys",
            "GALERNE_OIDC_ISSUER": provider.url,
            "GALERNE_OIDC_CLIENT_ID": CLIENT,
            "GALERNE_OIDC_CLIENT_SECRET": SECRET,
            "GALERNE_OIDC_NAME": "Town account",
        }
        with serve(own) as served, browser.new_context(base_url=served.url, locale="en-GB") as context:
            served.until_ready()
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            is_led_back(page, provider)
            page.goto("/account")
            page.get_by_role("link", name="Sign in with Town account").click()
            expect(page.get_by_role("heading", name="Anna", exact=True)).to_be_visible()
            expect(page).to_have_url(f"{served.url}/account")


def is_led_back(page: Page, provider: Provider) -> None:
    """Twice: what the provider signed is over, and it has not verified the address."""
    person = provider.person
    for provider.person, said in (
        (person | {"exp": 1}, "Signing in there did not work."),
        (person | {"email_verified": False}, "you may not come in"),
    ):
        page.goto("/")
        page.get_by_role("link", name="Sign in with Town account").click()
        expect(page.get_by_role("alert")).to_contain_text(said)
        expect(page).to_have_url(re.compile("/$"))
    provider.person = person


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


def changes_the_password(page: Page) -> None:
    """Which ends the session of another browser, after one more was ended by hand."""
    for _ in range(2):
        shown = {"email": "anna@town.example", "password": PASSWORD}
        assert page.request.post("/v1/sessions", data=shown, headers={"cookie": ""}).ok
    page.goto("/")
    page.get_by_role("link", name="Anna Le Goff").click()
    signed_in = page.get_by_role("region", name="Where you are signed in")
    expect(signed_in.get_by_role("button", name="Sign out")).to_have_count(2)
    signed_in.get_by_role("button", name="Sign out").first.click()
    expect(signed_in.get_by_role("button", name="Sign out")).to_have_count(1)
    assert barriers(page) == []
    page.get_by_label("New password").fill("another wind of France")
    page.get_by_label("Current password").fill("wrong")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("The password is changed.")).to_be_visible()
    expect(signed_in.get_by_role("button", name="Sign out")).to_have_count(0)
    expect(signed_in.get_by_text("This device")).to_be_visible()


def lets_a_member_in(page: Page, browser: Browser) -> None:
    """Who may ask, and is told in words what is not for members."""
    page.goto("/console/users")
    page.get_by_label("Email").fill("yann@town.example")
    page.get_by_label("Name", exact=True).fill("Yann Kerguelen")
    page.get_by_role("button", name="Create").click()
    invitation = page.get_by_text("/invitation#").inner_text()
    with browser.new_context(base_url=page.url, locale="en-GB") as context:
        context.set_default_timeout(PATIENCE_MS)
        theirs = context.new_page()
        theirs.goto(invitation)
        theirs.get_by_label("Password").fill(PASSWORD)
        theirs.get_by_role("button", name="Sign in").click()
        expect(theirs.get_by_role("link", name="Yann Kerguelen")).to_be_visible()
        expect(theirs.get_by_role("link", name="Console")).to_have_count(0)
        for address in ("/console", "/console/models"):
            theirs.goto(address)
            expect(theirs.get_by_text("The console is for those who look after this server.")).to_be_visible()
        assert barriers(theirs) == []
        theirs.evaluate("localStorage.setItem('galerne.model', 'gone')")  # what they chose before is not loaded now
        theirs.goto("/")
        theirs.get_by_role("button", name=f"Model: {MODEL}").click()
        gone = theirs.get_by_role("menuitem", name="gone")
        expect(gone).to_contain_text("Not loaded. An administrator can load it.")
        expect(gone).to_be_disabled()
