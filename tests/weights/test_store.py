from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.weights.test_catalogue import VALID

from galerne.errors import BadFile, ModelNotFound, SettingsError
from galerne.weights.catalogue import Entry
from galerne.weights.store import Manifest, Store

MANIFEST = Manifest(entry=Entry(**VALID), sha256="a" * 64, size=3, file="m.gguf")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


def keep(store: Store, name: str = "tiny", content: bytes = b"abc") -> Path:
    file = store.partial(name) / "m.gguf"
    file.write_bytes(content)
    store.keep(name, file, MANIFEST)
    return store.path(name, MANIFEST)


def test_what_is_kept_is_found_again(store: Store) -> None:
    assert store.names() == []
    assert store.manifest("tiny") is None
    assert keep(store).read_bytes() == b"abc"
    assert store.names() == ["tiny"]
    assert store.manifest("tiny") == MANIFEST


def test_a_new_version_takes_the_place_of_the_old(store: Store) -> None:
    keep(store)
    assert keep(store, content=b"new").read_bytes() == b"new"
    assert sorted(os.listdir(store.folder / "tiny")) == ["m.gguf", "model.json"]


def test_a_linked_file_stays_where_it_is(store: Store, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"abc")
    linked = MANIFEST.model_copy(update={"file": str(mine)})
    store.keep("tiny", None, linked)
    assert store.path("tiny", linked) == mine
    assert store.remove("tiny")
    assert mine.exists()
    mine.unlink()
    with pytest.raises(ModelNotFound, match=r"mine\.gguf: the model's file is gone"):
        store.path("tiny", linked)


def test_what_is_removed_is_gone_and_so_is_half_a_pull(store: Store) -> None:
    keep(store)
    (store.partial("tiny") / "half.partial").write_bytes(b"x")
    assert store.remove("tiny")
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []
    assert not store.remove("tiny")


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc", "a\\b", "A", "x\0", "-x", ".x", "é", "x" * 101])
def test_no_name_leaves_the_folder(name: str, store: Store) -> None:
    for use in (store.place, store.partial, store.manifest, store.remove):
        with pytest.raises(ModelNotFound, match="a model's name is made of"):
            use(name)
    with pytest.raises(ModelNotFound), store.lock(name):
        pass


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"7", b"{}", b"\xff", b"[" * 100_000, b"{" + b" " * 70_000 + b"}"])
def test_a_damaged_manifest_is_told(text: bytes, store: Store) -> None:
    keep(store)
    (store.folder / "tiny" / "model.json").write_bytes(text)
    with pytest.raises(BadFile, match=r"tiny/model\.json: is damaged.*galerne models remove tiny"):
        store.manifest("tiny")
    assert store.remove("tiny")


def test_a_folder_that_cannot_be_written_is_a_bad_setting(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with (
        pytest.raises(SettingsError, match=r"models_dir .*cannot be written to"),
        Store(tmp_path / "models").lock("tiny"),
    ):
        pass
