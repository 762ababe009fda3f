"""Against a small hub on the loopback that speaks the two requests that a pull makes: what there is, and a file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub import constants
from tests.weights.sources.file_server import FileServer

from galerne.errors import DigestMismatch, DiskFull, PullError
from galerne.weights.sources import download, parse_source
from galerne.weights.sources.huggingface import HuggingFaceSource

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b"{}",
    "tokenizer.json": b'{"a": 1}',
    "model.safetensors.index.json": b"{}",
    "model-00001-of-00002.safetensors": os.urandom(50_000),
    "model-00002-of-00002.safetensors": os.urandom(100),
    "consolidated.safetensors": os.urandom(50_000),
    "pytorch_model.bin": b"a program in disguise",
    "sub/model.safetensors": b"not of the folder itself",
    "../../outside.json": b"a hub that lies",
    "tiny.Q4_0.gguf": os.urandom(70_000),
}
SOURCE = HuggingFaceSource("owner/tiny", "tiny.Q4_0.gguf", None)


@pytest.fixture(autouse=True)
def _hub(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(download, "PAUSE", 0.0)
    monkeypatch.setenv("HF_TOKEN", "the user's token")
    for name, content in FILES.items():
        server.files[f"/owner/tiny/resolve/{COMMIT}/{name}"] = content
    publish(server)


def publish(server: FileServer, **more: Any) -> None:
    """Let the hub say what there is; large files are listed with their digest, as they are there."""
    siblings = [
        {"rfilename": name, "size": len(content)}
        | ({"lfs": {"sha256": sha256(content), "size": len(content), "pointerSize": 1}} if len(content) > 1000 else {})
        for name, content in FILES.items()
    ]
    answer = json.dumps({"id": "owner/tiny", "sha": COMMIT, "siblings": siblings} | more).encode()
    for path in ("/api/models/owner/tiny", "/api/models/owner/tiny/revision/v2"):
        server.files[path] = answer
        server.headers[path] = {"Content-Type": "application/json"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def asked(server: FileServer) -> list[str]:
    return [path.rpartition("/")[2] for path, _ in server.asked if "/resolve/" in path]


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("[!.]*") if path.is_file())


def test_a_folder_has_what_a_model_needs_and_nothing_else(server: FileServer, tmp_path: Path) -> None:
    folder = HuggingFaceSource("owner/tiny", None, "v2").fetch(tmp_path, lambda *_: None)
    assert names(folder) == [
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
    ]
    assert all((folder / name).read_bytes() == FILES[name] for name in names(folder))
    assert not (tmp_path.parent / "outside.json").exists()
    assert "/api/models/owner/tiny/revision/v2" in [path for path, _ in server.asked]


def test_a_file_arrives_with_progress(server: FileServer, tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    path = SOURCE.fetch(tmp_path, lambda *what: told.append(what))
    assert path.read_bytes() == FILES["tiny.Q4_0.gguf"]
    assert told[0] == ("looking for owner/tiny", 0, None)
    assert told[-1] == ("downloading tiny.Q4_0.gguf", 70_000, 70_000)
    assert server.tokens == ["Bearer the user's token"] * 2


def test_the_hub_is_asked_for_the_model_alone(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    SOURCE.fetch(tmp_path, lambda *_: None)
    assert [path for path, _ in server.asked] == [
        "/api/models/owner/tiny",
        f"/owner/tiny/resolve/{COMMIT}/tiny.Q4_0.gguf",
    ]


def test_an_interrupted_pull_goes_on(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    server.cuts = [20_000]
    with pytest.raises(PullError, match="goes on where it stopped"):
        SOURCE.fetch(tmp_path, lambda *_: None)
    assert SOURCE.fetch(tmp_path, lambda *_: None).read_bytes() == FILES["tiny.Q4_0.gguf"]
    assert [wanted for path, wanted in server.asked if path.endswith(".gguf")] == [None, "bytes=20000-"]
    SOURCE.fetch(tmp_path, lambda *_: None)
    assert asked(server) == ["tiny.Q4_0.gguf"] * 2


def test_another_file_than_the_hub_promises_is_not_kept(server: FileServer, tmp_path: Path) -> None:
    server.files[f"/owner/tiny/resolve/{COMMIT}/tiny.Q4_0.gguf"] = bytes(70_000)
    with pytest.raises(DigestMismatch, match=r"hf:owner/tiny/tiny\.Q4_0\.gguf"):
        SOURCE.fetch(tmp_path, lambda *_: None)
    assert names(tmp_path) == []


def test_a_hub_that_names_no_commit_is_not_followed(server: FileServer, tmp_path: Path) -> None:
    publish(server, sha="../../elsewhere")
    with pytest.raises(PullError, match="names no commit"):
        SOURCE.fetch(tmp_path, lambda *_: None)


def test_a_licence_to_accept_is_told(server: FileServer, tmp_path: Path) -> None:
    publish(server, gated="manual")
    path = "/api/models/owner/tiny/auth-check"
    server.files[path], server.headers[path], server.refused[path] = b"", {"X-Error-Code": "GatedRepo"}, 403
    with pytest.raises(PullError, match=r"accept a licence first.*HF_TOKEN"):
        SOURCE.fetch(tmp_path, lambda *_: None)
    assert asked(server) == []


def test_what_is_not_there_is_a_clear_failure(tmp_path: Path) -> None:
    with pytest.raises(PullError, match=r"hf:owner/tiny: has no other\.gguf"):
        HuggingFaceSource("owner/tiny", "other.gguf", None).fetch(tmp_path, lambda *_: None)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (404, "RepoNotFound", "no such revision v2, or it is private"),
        (404, "RevisionNotFound", "no such revision v2"),
        (401, "", "cannot be asked"),
        (500, "", "cannot be asked"),
    ],
)
def test_a_refusal_is_told(status: int, code: str, message: str, server: FileServer, tmp_path: Path) -> None:
    path = "/api/models/owner/tiny/revision/v2"
    server.refused[path] = status
    server.headers[path]["X-Error-Code"] = code
    with pytest.raises(PullError, match=f"hf:owner/tiny: .*{message}"):
        HuggingFaceSource("owner/tiny", None, "v2").fetch(tmp_path, lambda *_: None)


def test_no_hub_is_a_clear_failure(server: FileServer, tmp_path: Path) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(PullError, match="cannot be asked"):
        HuggingFaceSource("owner/tiny", None, None).fetch(tmp_path, lambda *_: None)


def test_too_little_room_is_told_before_it_begins(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(DiskFull, match="are free"):
        HuggingFaceSource("owner/tiny", None, None).fetch(tmp_path, lambda *_: None)
    assert asked(server) == []


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("owner/tiny", HuggingFaceSource("owner/tiny", None, None)),
        ("owner/tiny@v2", HuggingFaceSource("owner/tiny", None, "v2")),
        ("owner/tiny/a.gguf", HuggingFaceSource("owner/tiny", "a.gguf", None)),
        ("owner/tiny/sub/a.gguf@refs/pr/1", HuggingFaceSource("owner/tiny", "sub/a.gguf", "refs/pr/1")),
    ],
)
def test_a_source_reads_as_it_is_written(text: str, source: HuggingFaceSource) -> None:
    assert parse_source(f"hf:{text}") == source


@pytest.mark.parametrize(
    "text", ["", "tiny", "owner/", "owner/tiny/", "owner/../tiny", "owner/tiny/../a", "o/t@", "o/t@-x"]
)
def test_what_is_no_source_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="hf:OWNER/REPO"):
        parse_source(f"hf:{text}")
