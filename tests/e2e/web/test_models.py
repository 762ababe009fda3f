"""Two models: asked side by side, unloaded and loaded again in the console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.e2e.process import MODEL, Served, serve
from tests.e2e.two_models import BROKEN, SECOND, import_both
from tests.e2e.web.talking import answers, ask, limit, model_row, until_ended


@pytest.fixture(scope="module")
def served(
    chromium: str,  # noqa: ARG001 (without one, why serve?)
    environment: dict[str, str],
    default_model: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("two")
    import_both(default_model, folder)
    own = {"GALERNE_MODELS_DIR": str(folder / "models"), "GALERNE_DATA_DIR": str(folder / "data")}
    with serve(environment | own, "--model", MODEL, "--model", SECOND) as served:
        served.until_ready()
        yield served


def test_both_are_asked_side_by_side(page: Page) -> None:
    page.goto("/")
    limit(page, 12)
    page.get_by_role("button", name="Compare with a second model").click()
    ask(page, "Which winds blow at Brest?")
    expect(answers(page)).to_have_count(2)
    for each in (answers(page).nth(0), answers(page).nth(1)):
        until_ended(each)
    for name in (MODEL, SECOND):
        expect(page.get_by_role("region", name=name)).to_be_visible()


def test_one_is_unloaded_and_loaded_in_the_console(page: Page) -> None:
    page.goto("/console/models")
    row = model_row(page, SECOND)
    expect(row).to_contain_text("Answering")
    page.get_by_role("button", name=f"Unload: {SECOND}", exact=True).click()
    expect(row).to_contain_text("Here")
    page.get_by_role("button", name=f"Load: {SECOND}", exact=True).click()
    expect(row).to_contain_text("Answering")
    expect(row).to_contain_text("MB / ")


def test_why_one_could_not_be_loaded_is_said(page: Page) -> None:
    page.goto("/console/models")
    row = model_row(page, BROKEN)
    page.get_by_role("button", name=f"Load: {BROKEN}", exact=True).click()
    expect(row).to_contain_text("Failed")
    expect(row).to_contain_text("not finite")
