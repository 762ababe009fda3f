"""The table of files, on both kinds of databases."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from galerne.errors import NotFound, TooLarge
from galerne.flows.stored_files import FileFilter, StoredFile, Window
from galerne.store.database import Database
from galerne.store.files import SqlFiles

NOW = int(time.time())
FILE = StoredFile(
    "file-0", "anna", "Été 1%.txt", "text/plain", "batch", "batch_request", "upload", 2**40, "0" * 64, 3, NOW, None
)


@pytest.fixture
def store(database: Database) -> SqlFiles:
    store = SqlFiles(database)
    for number in range(3):
        store.add(replace(FILE, id=f"file-{number}", purpose="batch" if number else "ocr"), 10)
    store.add(replace(FILE, id="file-bert", workspace="bert"), 10)
    store.add(replace(FILE, id="file-old", expires=NOW - 1), 10)
    return store


def ids(store: SqlFiles, which: FileFilter, window: Window) -> list[str]:
    return [file.id for file in store.page("anna", which, window).files]


def test_a_file_is_found_by_its_workspace_while_it_lives(store: SqlFiles) -> None:
    assert store.find("file-0", "anna") == replace(FILE, purpose="ocr")
    assert store.find("file-0", "bert") is None
    assert store.find("file-bert") == replace(FILE, id="file-bert", workspace="bert")
    assert store.find("file-old", "anna") is None


def test_a_file_is_removed_once_and_by_its_workspace(store: SqlFiles) -> None:
    assert not store.remove("file-0", "bert")
    assert store.remove("file-0", "anna")
    assert not store.remove("file-0", "anna")
    assert not store.remove("file-old", "anna")
    assert store.remove_expired() == ["file-old"]
    assert store.remove_expired() == []


def test_windows(store: SqlFiles) -> None:
    assert ids(store, FileFilter(), Window(10)) == ["file-2", "file-1", "file-0"]
    assert ids(store, FileFilter(), Window(1, skip=1)) == ["file-1"]
    assert ids(store, FileFilter(), Window(10, after="file-1", newest_first=False)) == ["file-2"]
    page = store.page("anna", FileFilter(purpose="batch"), Window(1))
    assert (page.more, page.total) == (True, 2)
    for after in ("file-bert", "nothing"):
        with pytest.raises(NotFound):
            store.page("anna", FileFilter(), Window(1, after=after))


@pytest.mark.parametrize("which", [FileFilter(search="1%"), FileFilter(sources=["upload"], media_types=["text/plain"])])
def test_filters_that_fit(store: SqlFiles, which: FileFilter) -> None:
    assert len(ids(store, which, Window(10))) == 3


@pytest.mark.parametrize("which", [FileFilter(search="_"), FileFilter(sources=[]), FileFilter(sample_types=["x"])])
def test_filters_that_do_not(store: SqlFiles, which: FileFilter) -> None:
    assert ids(store, which, Window(10)) == []


def test_no_more_than_the_workspace_may_have(store: SqlFiles) -> None:
    with pytest.raises(TooLarge, match="Delete some"):
        store.add(replace(FILE, id="file-9"), 3)


def test_those_that_are_known(store: SqlFiles) -> None:
    assert store.known([*map(str, range(2000)), "file-1", "file-bert"]) == {"file-1", "file-bert"}
