"""The console, as those use it who look after the house."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Download, Page, expect
from tests.e2e.web.test_everyone import barriers, let_in
from tests.e2e.web.test_hostile import answer_with


def text_of(download: Download) -> str:
    return Path(download.path()).read_bytes().decode("latin-1")


def test_a_month_is_invoiced_and_taken_back(page: Page) -> None:
    month = datetime.now(UTC).replace(day=1) - timedelta(days=1)
    plan = {"workspace": "default", "since": f"{month:%Y-%m}-01", "name": "Team", "cents": 4990}
    assert page.request.post("/v1/admin/plans", data=plan).ok
    page.goto("/console/invoices")
    expect(page.get_by_text("There are no invoices yet.")).to_be_visible()
    page.get_by_text("Who pays").click()
    for label, word in (("Name", "Mairie"), ("Country, in two letters", "fr"), ("Address", "1 place Haute\nRennes")):
        page.get_by_label(label).fill(word)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("button", name="Issue an invoice").click()
    dialog = page.get_by_role("dialog", name=f"Invoice default for {month:%Y-%m}?")
    dialog.get_by_role("button", name="Issue an invoice").click()
    number = f"F{datetime.now(UTC):%Y}-00001"
    expect(page.get_by_role("row", name=f"{number} default {month:%Y-%m} €59.88")).to_be_visible()
    takes_it_along(page, number)
    page.get_by_role("button", name=f"Credit note: {number}").click()
    page.get_by_role("dialog").get_by_role("button", name="Credit note").click()
    expect(page.get_by_role("row", name=f"Takes back {number}")).to_contain_text("-€59.88")
    expect(page.get_by_role("button", name="Credit note")).to_have_count(0)
    assert barriers(page) == []


def takes_it_along(page: Page, number: str) -> None:
    with page.expect_download() as paper:
        page.get_by_role("button", name=f"PDF: {number}").click()
    assert text_of(paper.value).startswith("%PDF")
    with page.expect_download() as table:
        page.get_by_role("button", name="Save the list (CSV)").click()
    assert f"{number},invoice,default" in text_of(table.value)


def test_tokens_and_costs_are_drawn_by_day(page: Page) -> None:
    days = [
        {"name": f"{datetime.now(UTC) - timedelta(days=ago):%Y-%m-%d}", "requests": 3, "euros": euros, "joules": None}
        | {"input_tokens": 1000, "cached_tokens": 0, "output_tokens": 500}
        for ago, euros in ((9, "1.25"), (0, "12.50"))
    ]
    answer_with(page, "**/v1/admin/usage?*", {"data": days})
    page.goto("/console/usage")
    tokens, costs = (page.get_by_role("img", name=name) for name in ("Tokens by day", "Cost by day"))
    expect(tokens).to_be_visible()
    expect(page.get_by_text("Busiest day: €12.50", exact=True)).to_be_visible()
    expect(page.get_by_text("Not known").first).to_be_visible()  # the energy: never 0
    heights = costs.locator(".chart-dark").evaluate_all("bars => bars.map(bar => bar.height.baseVal.value)")
    assert sorted(heights)[-3:] == [0, 10, 100]
    assert barriers(page) == []


def test_a_person_is_let_in_and_erased(page: Page) -> None:
    page.goto("/console/users")
    page.get_by_label("Email").fill("jean@town.example")
    page.get_by_label("Name", exact=True).fill("Jean Petit")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("/invitation#")).to_be_visible()
    page.get_by_role("button", name="Erase: Jean Petit").click()
    with page.expect_download() as certificate:
        page.get_by_role("dialog", name="Erase Jean Petit for good?").get_by_role("button", name="Erase").click()
    assert "signature" in json.loads(text_of(certificate.value))
    expect(page.get_by_role("row", name="Jean Petit")).to_have_count(0)


def test_long_lists_are_shown_by_and_by(page: Page) -> None:
    limits = [{"subject": f"user:{at}", "measure": "requests_per_minute", "most": at} for at in range(120)]
    answer_with(page, "**/v1/admin/limits", {"data": limits})
    page.goto("/console/terms")
    table = page.get_by_role("region", name="Limits")
    expect(table.get_by_role("row")).to_have_count(51)
    page.get_by_role("button", name="Show more").click()
    page.get_by_role("button", name="Show more").click()
    expect(table.get_by_role("row")).to_have_count(121)
    expect(page.get_by_role("button", name="Show more")).to_have_count(0)


def test_the_audit_log_is_searched_checked_and_taken_along(page: Page) -> None:
    limit = {"subject": let_in(page), "measure": "requests_per_minute", "most": 5}  # not of who asks in other tests
    assert page.request.put("/v1/admin/limits", data=limit).ok
    page.goto("/console/audit")
    log = page.get_by_role("region", name="Audit log")
    page.get_by_label("What was done").fill("limit")
    expect(log.get_by_role("row", name="limit").first).to_be_visible()
    page.get_by_label("Since").fill("2099-01-01")
    expect(page.get_by_text("There are no such records.")).to_be_visible()
    page.get_by_label("Since").fill("")
    page.get_by_label("Until").fill(f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}")
    expect(log.get_by_role("row", name="limit").first).to_be_visible()
    page.get_by_role("button", name="Check the log").click()
    expect(page.get_by_text("The log is whole.")).to_be_visible()
    with page.expect_download() as lines:
        page.get_by_role("button", name="Export the log").click()
    assert all(json.loads(line) for line in text_of(lines.value).splitlines())
