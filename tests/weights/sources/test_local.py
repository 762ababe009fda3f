from __future__ import annotations

from pathlib import Path

import pytest
from tests.weights.gguf_bytes import gguf
from tests.weights.test_safetensors import VALID, folder

from galerne.errors import BadFile, PullError
from galerne.weights.sources import parse_source
from galerne.weights.sources.local import LocalSource


def test_a_file_is_copied_with_progress(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(gguf())
    (tmp_path / "work").mkdir()
    told: list[tuple[str, int, int | None]] = []
    copy = LocalSource(tmp_path / "m.gguf").fetch(tmp_path / "work", lambda *what: told.append(what))
    assert copy.read_bytes() == gguf()
    assert told == [("copying m.gguf", len(gguf()), len(gguf()))]


def test_of_a_folder_only_the_model_is_copied(tmp_path: Path) -> None:
    source, work = tmp_path / "mine", tmp_path / "work"
    source.mkdir()
    work.mkdir()
    folder(source, VALID)
    (source / "diary.txt").write_text("private")
    copy = LocalSource(source).fetch(work, lambda *_: None)
    assert sorted(path.name for path in copy.iterdir()) == ["config.json", "model.safetensors"]


def test_what_is_no_model_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    (tmp_path / "work").mkdir()
    with pytest.raises(BadFile):
        LocalSource(tmp_path / "m.gguf").fetch(tmp_path / "work", lambda *_: None)
    with pytest.raises(PullError, match="no such file"):
        LocalSource(tmp_path / "other.gguf").fetch(tmp_path / "work", lambda *_: None)
    assert list((tmp_path / "work").iterdir()) == []


def test_a_source_reads_as_it_is_written() -> None:
    assert parse_source("file:/a/b.gguf") == LocalSource(Path("/a/b.gguf"))
    assert parse_source("file:~/b.gguf") == LocalSource(Path.home() / "b.gguf")


@pytest.mark.parametrize("text", ["", "file:", "file:\0", "ftp:there", "/a/b.gguf", "http://there/m.gguf"])
def test_what_is_no_source_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a source begins with|file:PATH"):
        parse_source(text)
