"""A real browser before a real server: what every test of the pages stands on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright
from tests.e2e.process import Served, serve

from galerne.api.pages import BUILT

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 60_000
"""Milliseconds that a busy machine may need for what takes one or two seconds."""

expect.set_options(timeout=PATIENCE_MS)

_WATCH = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""


@dataclass
class Watch:
    """What no page may do. The fixture `watch` fails the test when one did."""

    host: str
    strangers: list[str] = field(default_factory=list)  # requests to another host
    errors: list[str] = field(default_factory=list)  # that no program of ours caught
    pages: list[Page] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        self.pages.append(page)
        page.on("request", self._on_request)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _on_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != self.host:
            self.strangers.append(request.url)

    def violations(self) -> list[str]:
        """Of the policy, on the pages as they stand."""
        return [each for page in self.pages if not page.is_closed() for each in page.evaluate("window.violations")]


@pytest.fixture(scope="session")
def chromium() -> str:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    if not (BUILT / "index.html").is_file():
        pytest.skip("the pages are not built: make pages")
    return CHROMIUM


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Gone before the tests of other modules: while it runs, so does its event loop, and they want their own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def environment(default_model: Path, kernels_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Of a server with the default model."""
    return {
        "GALERNE_MODELS_DIR": str(default_model.parents[1]),
        "GALERNE_KERNELS_DIR": str(kernels_folder),
        "GALERNE_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "GALERNE_KV_CACHE_MB": "256",
        "GALERNE_SHUTDOWN_SECONDS": "1",
        "GALERNE_LOG_LEVEL": "warning",
        "GALERNE_SELLER_NAME": "Galerne SAS",
        "GALERNE_SELLER_ADDRESS": "1 rue Haute, 35000 Rennes",
        "GALERNE_SELLER_VAT_NUMBER": "FR12345678901",
    }


@pytest.fixture(scope="session")
def served(environment: dict[str, str], chromium: str) -> Iterator[Served]:  # noqa: ARG001 (without one, why serve?)
    with serve(environment) as served:
        served.until_ready()
        yield served


@pytest.fixture
def watch(served: Served) -> Iterator[Watch]:
    watch = Watch(urlsplit(served.url).netloc)
    yield watch
    assert (watch.strangers, watch.errors) == ([], [])


@pytest.fixture
def context(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A browser that has never been here."""
    context = browser.new_context(base_url=served.url, locale="en-GB", viewport={"width": 1280, "height": 820})
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(_WATCH)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, watch: Watch) -> Iterator[Page]:
    page = context.new_page()
    watch.follow(page)
    yield page
    assert watch.violations() == []
