from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest
from tests.weights.sources.file_server import FileServer

from galerne.errors import DiskFull, PullError
from galerne.weights.sources import download as module
from galerne.weights.sources.download import download

CONTENT = os.urandom(300_000)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)


def fetch(server: FileServer, target: Path) -> list[tuple[int, int | None]]:
    """Download /model and give the progress that was told."""
    told: list[tuple[int, int | None]] = []
    download(f"{server.url}/model", target, lambda _, done, total: told.append((done, total)))
    return told


def test_a_file_arrives_with_progress(server: FileServer, tmp_path: Path) -> None:
    server.files["/model"] = CONTENT
    told = fetch(server, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert told == sorted(told)
    assert os.listdir(tmp_path) == ["model"]


def test_a_lost_connection_goes_on_where_it_broke(server: FileServer, tmp_path: Path) -> None:
    server.files["/model"], server.cuts = CONTENT, [100_000, 50_000]
    fetch(server, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == CONTENT
    assert server.asked == [("/model", None), ("/model", "bytes=100000-"), ("/model", "bytes=150000-")]


def test_a_connection_that_stays_lost_keeps_what_arrived(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ATTEMPTS", 2)
    server.files["/model"], server.cuts = CONTENT, [1000, 2000]
    with pytest.raises(PullError, match=r"127\.0\.0\.1: the connection was lost.*goes on where it stopped"):
        fetch(server, tmp_path / "model")
    assert os.listdir(tmp_path) == ["model.partial"]
    assert (tmp_path / "model.partial").read_bytes() == CONTENT[:3000]
    fetch(server, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == CONTENT
    assert server.asked[-1] == ("/model", "bytes=3000-")


def test_another_part_than_asked_for_is_not_taken(server: FileServer, tmp_path: Path) -> None:
    server.files["/model"] = CONTENT
    server.headers["/model"] = {"Content-Range": "bytes 0-1/300000"}
    server.refused["/model"] = 206
    (tmp_path / "model.partial").write_bytes(CONTENT[:1000])
    with pytest.raises(PullError, match="another part"):
        fetch(server, tmp_path / "model")
    assert (tmp_path / "model.partial").read_bytes() == CONTENT[:1000]


def test_a_server_without_ranges_begins_again(server: FileServer, tmp_path: Path) -> None:
    server.files["/model"], server.ranges, server.cuts = CONTENT, False, [1000]
    fetch(server, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == CONTENT


def test_what_was_whole_already_is_not_fetched_again(server: FileServer, tmp_path: Path) -> None:
    server.files["/model"] = CONTENT
    (tmp_path / "model.partial").write_bytes(CONTENT)
    fetch(server, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == CONTENT


def test_more_than_there_is_begins_again(server: FileServer, tmp_path: Path) -> None:
    server.files["/model"] = CONTENT
    (tmp_path / "model.partial").write_bytes(CONTENT + b"more")
    fetch(server, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_refusal_is_told_at_once(status: int, server: FileServer, tmp_path: Path) -> None:
    server.files["/model"], server.refused["/model"] = CONTENT, status
    with pytest.raises(PullError, match=f"answered {status}"):
        fetch(server, tmp_path / "model")
    assert len(server.asked) == 1
    assert os.listdir(tmp_path) == []


def test_nobody_there_is_a_clear_failure(tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ATTEMPTS", 1)
    server.shutdown()
    server.server_close()
    with pytest.raises(PullError, match="connection was lost"):
        fetch(server, tmp_path / "model")


def test_too_little_room_is_told_before_it_begins(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/model"] = CONTENT
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(DiskFull, match=r"0\.00 GB are free.*GALERNE_MODELS_DIR"):
        fetch(server, tmp_path / "model")
    assert os.listdir(tmp_path) == []


def test_a_disk_that_fills_up_keeps_what_arrived(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that takes 1000 bytes and then no more, as a full disk does."""
    server.files["/model"] = CONTENT
    ordinary = Path.open

    class Full:
        def __init__(self, file: IO[bytes]) -> None:
            self.file = file

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, chunk: bytes) -> None:
            self.file.write(chunk[:1000])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def opened(path: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        file = ordinary(path, mode, *rest, **options)
        return Full(file) if path.suffix == ".partial" else file

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(DiskFull, match=r"disk is full.*goes on from here"):
        fetch(server, tmp_path / "model")
    monkeypatch.setattr(Path, "open", ordinary)
    assert (tmp_path / "model.partial").read_bytes() == CONTENT[:1000]
    fetch(server, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == CONTENT
