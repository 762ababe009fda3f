"""A model that is not here: fetched from a hub in the console, loaded from the picker, asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.e2e.process import MODEL, Served, serve
from tests.e2e.web.talking import answers, ask, limit, model_row, until_ended
from tests.e2e.web.test_everyone import barriers
from tests.weights.sources.file_server import FileServer, serving
from tests.weights.sources.test_huggingface import COMMIT, sha256
from tests.weights.test_catalogue import VALID, catalogue

from galerne.flows.catalogue import import_model
from galerne.settings import Settings

HOUSE = "house-model"


@pytest.fixture(scope="module")
def hub(default_model: Path) -> Iterator[FileServer]:
    """Has one model, under a name of its own."""
    content = default_model.read_bytes()
    file = {"rfilename": "house.gguf", "size": len(content)}
    file |= {"lfs": {"sha256": sha256(content), "size": len(content), "pointerSize": 1}}
    with serving() as hub:
        hub.files[f"/owner/house/resolve/{COMMIT}/house.gguf"] = content
        hub.files["/api/models/owner/house"] = json.dumps(
            {"id": "owner/house", "sha": COMMIT, "siblings": [file]}
        ).encode()
        hub.headers["/api/models/owner/house"] = {"Content-Type": "application/json"}
        yield hub


@pytest.fixture(scope="module")
def served(
    chromium: str,  # noqa: ARG001 (without one, why serve?)
    environment: dict[str, str],
    default_model: Path,
    hub: FileServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("fetching")
    own = {
        "GALERNE_MODELS_DIR": str(folder / "models"),
        "GALERNE_DATA_DIR": str(folder / "data"),
        "GALERNE_CATALOGUE": str(catalogue(folder, VALID | {"name": HOUSE, "source": "hf:owner/house/house.gguf"})),
        "HF_ENDPOINT": hub.url,
        "NO_PROXY": "127.0.0.1",
    }
    settings = Settings(models_dir=folder / "models")
    import_model(default_model, MODEL, "Apache-2.0", settings, lambda *_: None, linked=True)
    with serve(environment | own) as served:
        served.until_ready()
        yield served


def test_a_model_is_fetched_loaded_and_asked(page: Page, hub: FileServer) -> None:
    page.goto("/console/models")
    expect(model_row(page, HOUSE)).to_contain_text("Not here")
    hub.gate.clear()
    page.get_by_role("button", name=f"Fetch: {HOUSE}").click()
    expect(model_row(page, HOUSE)).to_contain_text("50%")
    assert barriers(page) == []
    page.reload()  # it goes on, and whoever comes later sees how far it is
    expect(model_row(page, HOUSE)).to_contain_text("Being fetched")
    expect(model_row(page, HOUSE)).to_contain_text("50%")
    hub.gate.set()
    expect(model_row(page, HOUSE)).to_contain_text("Here")
    assert [path for path, _ in hub.asked].count(f"/owner/house/resolve/{COMMIT}/house.gguf") == 1
    loads_it_from_the_picker(page)


def loads_it_from_the_picker(page: Page) -> None:
    page.goto("/")
    limit(page, 8)
    page.get_by_role("button", name=f"Model: {MODEL}").click()
    menu = page.get_by_role("menu", name="Model")
    expect(menu.get_by_role("menuitem", name=HOUSE)).to_contain_text("Not loaded: choose it to load it")
    assert barriers(page) == []
    menu.get_by_role("menuitem", name=HOUSE).click()
    expect(page.get_by_text(f"{HOUSE}: Loading…")).to_be_visible()
    expect(page.get_by_role("button", name=f"Model: {HOUSE}")).to_be_visible()  # chosen as soon as it answers
    ask(page, "Hello")
    until_ended(answers(page))
    expect(answers(page)).to_contain_text(HOUSE)
