"""What is one's own, on the account's page: kept so long, brought along, taken along, deleted."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from tests.e2e.process import Served, serve
from tests.e2e.web.talking import answers, ask, limit, questions, until_ended
from tests.e2e.web.test_everyone import barriers

CHATGPT = [
    {
        "title": "Winds of Brittany",
        "create_time": 1_700_000_000.0,
        "update_time": 1_700_000_100.0,
        "current_node": "b",
        "mapping": {
            "root": {"id": "root", "message": None, "parent": None, "children": ["a"]},
            "a": {
                "id": "a",
                "message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Which winds?"]}},
                "parent": "root",
                "children": ["b"],
            },
            "b": {
                "id": "b",
                "message": {
                    "author": {"role": "assistant"},
                    "content": {"content_type": "text", "parts": ["The galerne."]},
                },
                "parent": "a",
                "children": [],
            },
        },
    },
    {"title": "Nothing in it", "create_time": 1_700_000_000.0, "mapping": {}},
]
OPEN_WEBUI = [
    {
        "id": "1",
        "title": "Winds of Provence",
        "chat": {
            "title": "Winds of Provence",
            "history": {
                "currentId": "y",
                "messages": {
                    "x": {"id": "x", "parentId": None, "childrenIds": ["y"], "role": "user", "content": "And here?"},
                    "y": {"id": "y", "parentId": "x", "childrenIds": [], "role": "assistant", "content": "Mistral."},
                },
            },
        },
        "created_at": 1_700_000_000,
        "updated_at": 1_700_000_100,
    }
]


@pytest.fixture(scope="module")
def served(environment: dict[str, str], chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:  # noqa: ARG001
    """A house that keeps nothing longer than 90 days."""
    own = {"GALERNE_DATA_DIR": str(tmp_path_factory.mktemp("own")), "GALERNE_MAX_CHAT_DAYS": "90"}
    with serve(environment | own) as served:
        served.until_ready()
        yield served


def bring(page: Page, name: str, content: bytes) -> None:
    page.get_by_label("Import", exact=True).set_input_files({"name": name, "mimeType": "", "buffer": content})


def test_how_long_conversations_are_kept_is_chosen_and_stays(page: Page) -> None:
    page.goto("/account")
    kept = page.get_by_label("Keep conversations")
    expect(kept.locator("option")).to_have_text(["1 day", "7 days", "30 days", "90 days"])
    expect(kept).to_have_value("")  # as long as the house keeps them
    kept.select_option("7 days")
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.reload()
    expect(kept).to_have_value("7")
    assert page.request.get("/v1/users/me/retention").json() == {
        "chat_days": 7,
        "max_chat_days": 90,
        "effective_chat_days": 7,
    }
    kept.select_option("90 days")
    expect(page.get_by_text("Saved.").last).to_be_visible()
    page.reload()
    expect(kept).to_have_value("")
    assert barriers(page) == []


def test_conversations_of_elsewhere_are_brought_along(page: Page) -> None:
    page.goto("/account")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as all:
        all.writestr("conversations.json", json.dumps(CHATGPT))
    bring(page, "chatgpt.zip", archive.getvalue())
    expect(page.get_by_text("Conversations imported: 1")).to_be_visible()
    expect(page.get_by_text("Nothing in it: nothing was said in it.")).to_be_visible()
    bring(page, "open-webui.json", json.dumps(OPEN_WEBUI).encode())
    page.get_by_role("link", name="Winds of Provence").click()
    expect(answers(page)).to_contain_text("Mistral.")
    page.get_by_role("link", name="Winds of Brittany").click()
    expect(questions(page)).to_contain_text("Which winds?")
    expect(answers(page)).to_contain_text("The galerne.")


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"PK\x03\x04 and then nothing", b"\xff\xfe\x00"])
def test_what_is_no_export_is_refused_in_words(page: Page, content: bytes) -> None:
    page.goto("/account")
    bring(page, "export.json", content)
    expect(page.locator(".toast-failure")).to_be_visible()
    expect(page.locator(".toast-failure")).not_to_contain_text("[object")


def test_everything_is_taken_along_and_deleted(page: Page, context: BrowserContext) -> None:
    page.goto("/")
    limit(page, 8)
    ask(page, "What is a galerne?")
    until_ended(answers(page))
    page.goto("/account")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Export all").click()
    assert taken.value.suggested_filename == "galerne-export.zip"
    chats = in_zip(Path(taken.value.path()), "chats.json")
    assert "What is a galerne?" in json.dumps(chats)
    assert '"ai_generated": true' in json.dumps(chats)
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Your conversations will be here.")).to_be_visible()
    assert page.request.get("/v1/chats").json()["data"] == []
    assert page.request.get("/v1/chats/search", params={"q": "galerne"}).json()["data"] == []
    bring(page, "galerne-export.zip", Path(taken.value.path()).read_bytes())  # and back again
    page.get_by_role("link", name="What is a galerne?").click()
    expect(questions(page)).to_contain_text("What is a galerne?")
    expect(answers(page)).to_have_count(1)
    assert context.cookies() == []


def in_zip(path: Path, name: str) -> Any:
    with zipfile.ZipFile(path) as all:
        return json.loads(all.read(name))
