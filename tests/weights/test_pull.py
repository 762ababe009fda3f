from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.weights.gguf_bytes import gguf, info
from tests.weights.test_catalogue import VALID
from tests.weights.test_digest import sha256

from galerne.errors import BadFile, DigestMismatch, DiskFull, GalerneError, ModelNotFound, PullError
from galerne.weights import digest, open_checkpoint
from galerne.weights.catalogue import Entry
from galerne.weights.pull import link, pull
from galerne.weights.sources import Progress
from galerne.weights.sources.local import LocalSource
from galerne.weights.store import Store

CONTENT = gguf(infos=[info("a", (64, 64))], data=bytes(64 * 64 * 4))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    (tmp_path / "mine.gguf").write_bytes(CONTENT)
    return Entry(**VALID | {"source": f"file:{tmp_path / 'mine.gguf'}"})


def quiet(*_: object) -> None:
    pass


def left(store: Store) -> list[str]:
    """All files in the store, but the locks."""
    files = [path for path in store.folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return sorted(str(path.relative_to(store.folder)) for path in files)


def test_a_pulled_model_is_whole_checked_and_alone(store: Store, entry: Entry) -> None:
    told: list[str] = []
    manifest = pull(entry, store, lambda what, *_: told.append(what))
    assert list(dict.fromkeys(told)) == ["copying mine.gguf", "checking"]
    assert manifest.sha256 == sha256(CONTENT)
    assert manifest.size == len(CONTENT)
    assert open_checkpoint(store.path("tiny", manifest)).tensors["a"].shape == (64, 64)
    assert left(store) == ["tiny/.mine.gguf.sha256", "tiny/mine.gguf", "tiny/model.json"]


def test_its_digest_is_not_computed_again(store: Store, entry: Entry) -> None:
    path = store.path("tiny", pull(entry, store, quiet))
    read: list[int] = []
    digest(path, read.append)
    assert read == []


def test_what_is_here_is_not_fetched_again(store: Store, entry: Entry, tmp_path: Path) -> None:
    first = pull(entry, store, quiet)
    (tmp_path / "mine.gguf").unlink()
    shutil.rmtree(store.folder / ".locks")
    (store.folder / ".locks").write_text("nothing can be locked here")
    assert pull(entry, store, quiet) == first


def test_what_the_catalogue_no_longer_promises_is_fetched_anew(store: Store, entry: Entry, tmp_path: Path) -> None:
    pull(entry, store, quiet)
    (tmp_path / "mine.gguf").write_bytes(gguf())
    renewed = pull(entry.model_copy(update={"sha256": sha256(gguf())}), store, quiet)
    assert store.path("tiny", renewed).read_bytes() == gguf()


@pytest.mark.parametrize("content", [CONTENT, b"GGUF and then nothing"])
def test_what_is_wrong_is_not_kept(content: bytes, store: Store, entry: Entry, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(content)
    with pytest.raises((DigestMismatch, BadFile)):
        pull(entry.model_copy(update={"sha256": "0" * 64}), store, quiet)
    assert left(store) == []
    assert store.manifest("tiny") is None


def test_a_mismatch_names_both_digests(store: Store, entry: Entry) -> None:
    with pytest.raises(DigestMismatch, match=f"tiny: .*{sha256(CONTENT)}.*promises {'0' * 64}"):
        pull(entry.model_copy(update={"sha256": "0" * 64}), store, quiet)


def test_an_interrupted_pull_leaves_no_model(store: Store, entry: Entry) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(entry, store, interrupt)
    assert store.names() == []
    pull(entry, store, quiet)
    assert store.names() == ["tiny"]


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EIO, PullError), (errno.EROFS, PullError)],
)
def test_a_disk_that_fails_is_one_clear_failure(
    number: int, kind: type[GalerneError], store: Store, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(kind) as caught:
        pull(entry, store, quiet)
    assert type(caught.value) is kind
    monkeypatch.undo()
    assert store.names() == []
    pull(entry, store, quiet)
    assert store.names() == ["tiny"]


def test_too_little_room_is_told_before_it_begins(store: Store, entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(DiskFull, match="are free"):
        pull(entry, store, quiet)
    assert left(store) == []


def test_two_pulls_at_once_fetch_once(store: Store, entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    fetches: list[Path] = []
    ordinary = LocalSource.fetch
    both = threading.Barrier(2)

    def fetch(source: LocalSource, work: Path, progress: Progress) -> Path:
        fetches.append(work)
        return ordinary(source, work, progress)

    def run() -> None:
        both.wait()
        pull(entry, store, quiet)

    monkeypatch.setattr(LocalSource, "fetch", fetch)
    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fetches) == 1
    assert store.names() == ["tiny"]


def test_two_processes_at_once_both_find_the_model(store: Store, entry: Entry) -> None:
    program = (
        "import sys; from pathlib import Path; from galerne.weights.catalogue import Entry;"
        "from galerne.weights.pull import pull; from galerne.weights.store import Store;"
        "print(pull(Entry.model_validate_json(sys.argv[1]), Store(Path(sys.argv[2])), lambda *_: None).sha256)"
    )
    command = [sys.executable, "-c", program, entry.model_dump_json(), str(store.folder)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0].strip() for process in running] == [sha256(CONTENT)] * 2
    assert left(store) == ["tiny/.mine.gguf.sha256", "tiny/mine.gguf", "tiny/model.json"]


def test_whoever_waits_says_so(store: Store, entry: Entry) -> None:
    told, waits = [], threading.Event()

    def tell(what: str, *_: object) -> None:
        told.append(what)
        waits.set()

    thread = threading.Thread(target=pull, args=(entry, store, tell))
    with store.lock("tiny"):
        thread.start()
        assert waits.wait(60)
        assert told == ["waiting for another pull of it"]
    thread.join()
    assert store.names() == ["tiny"]


def test_a_linked_model_is_known_where_it_lies(store: Store, entry: Entry, tmp_path: Path) -> None:
    manifest = link(entry, tmp_path / "mine.gguf", store, quiet)
    assert store.path("tiny", manifest) == tmp_path / "mine.gguf"
    assert left(store) == ["tiny/model.json"]
    with pytest.raises(ModelNotFound):
        link(entry, tmp_path / "none.gguf", store, quiet)
