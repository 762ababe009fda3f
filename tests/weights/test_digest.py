from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.weights.gguf_bytes import gguf
from tests.weights.test_safetensors import VALID, folder

from galerne.errors import BadFile
from galerne.weights import digest, open_checkpoint


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def reads(path: Path) -> int:
    """Bytes that are read to know a file's digest."""
    done: list[int] = []
    digest(path, done.append)
    return sum(done)


def test_a_file_s_digest_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf())
    assert digest(path) == digest(open_checkpoint(path)) == sha256(gguf())


def test_a_folder_s_digest_is_what_sha256sum_would_give(tmp_path: Path) -> None:
    folder(tmp_path, VALID)
    lines = f"{sha256(b'{}')}  config.json\n{sha256(VALID)}  model.safetensors\n"
    assert digest(open_checkpoint(tmp_path)) == digest(tmp_path) == sha256(lines.encode())


def test_a_tokenizer_is_part_of_the_model(tmp_path: Path) -> None:
    before = digest(open_checkpoint(folder(tmp_path, VALID)))
    (tmp_path / "tokenizer.json").write_text("{}")
    assert digest(open_checkpoint(tmp_path)) != before


def test_a_file_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"x" * 100)
    assert reads(path) == 100
    assert reads(path) == 0


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"one")
    status = path.stat()
    assert digest(path) == sha256(b"one")
    path.write_bytes(b"two")  # as long as before
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert digest(path) == sha256(b"two")
    other = tmp_path / "other"
    other.write_bytes(b"two")
    other.replace(path)  # another inode
    assert reads(path) == 3


@pytest.mark.parametrize(
    "spoil", [lambda _: "", lambda _: "\xff" * 70, lambda note: note[:-9], lambda note: "1" + note]
)
def test_a_damaged_note_is_not_believed(spoil: Callable[[str], str], tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"one")
    digest(path)
    note = tmp_path / ".m.gguf.sha256"
    note.write_text(spoil(note.read_text()), encoding="latin-1")
    assert reads(path) == 3


def test_a_note_that_cannot_be_kept_is_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"one")
    (tmp_path / ".m.gguf.sha256").mkdir()
    assert digest(path) == sha256(b"one")
    assert [each.name for each in tmp_path.glob("*.tmp")] == []


def test_a_file_that_is_gone_is_a_clear_failure(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="cannot be read"):
        digest(tmp_path / "none.gguf")
