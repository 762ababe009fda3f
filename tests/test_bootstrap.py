"""What is wired together: settings that name two models."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tests.flows.fakes import ScriptedGenerator, served

from galerne import bootstrap
from galerne.errors import ModelNotFound, SettingsError
from galerne.ledger.usage import Reservation
from galerne.settings import load_settings
from galerne.store.books import SqlBooks
from galerne.store.journal import SUFFIX
from galerne.store.receipts import SqlReceiptLog


def test_a_draft_model_of_another_vocabulary_is_refused_before_anything_is_loaded(
    default_model: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(default_model.read_bytes().replace(b"<repo_name>", b"<repo_mane>", 1))
    settings = load_settings({"model": str(default_model), "draft_model": str(other)})
    for start in (bootstrap.build_app, lambda settings: bootstrap.open_local_model(settings.model, settings)):
        with pytest.raises(SettingsError, match=r"other\.gguf has another vocabulary") as caught:
            start(settings)
        assert caught.value.where == "draft_model"


def test_a_draft_model_that_is_not_there_is_an_error_unless_nothing_is_guessed(default_model: Path) -> None:
    settings = load_settings({"model": str(default_model), "draft_model": "nowhere"})
    with pytest.raises(ModelNotFound, match="nowhere"):
        bootstrap.open_local_model(settings.model, settings)
    silent = load_settings({"model": str(default_model), "draft_model": "nowhere", "speculation": False})
    assert bootstrap.open_local_model(silent.model, silent).draft is None


def test_a_model_and_its_draft_share_the_memory_of_the_cache(default_model: Path, kernels_folder: Path) -> None:
    settings = load_settings(
        {
            "model": str(default_model),
            "draft_model": str(default_model),
            "kv_cache_mb": 16,
            "kernels_dir": kernels_folder,
        }
    )
    loaded = bootstrap.load_local_model(settings.model, settings)
    assert loaded.draft is not None
    caches = [model.blocks * model.cache_bytes_per_block for model in (loaded.model, loaded.draft)]
    assert 15 << 20 < sum(caches) <= 16 << 20
    assert (
        bootstrap.build_engine(loaded.model, lambda: loaded.tokenizer, settings, loaded.draft)._scheduler._proposer
        is not None
    )


def test_kernels_with_a_cache_in_8_bits_say_so(default_model: Path) -> None:
    """They give other answers: who replays one must know."""
    settings = load_settings({"kv_cache_mb": 16, "kernels": "reference", "kv_cache_type": "int8"})
    assert bootstrap.load_local_model(str(default_model), settings).level == "reference+int8"


def test_what_a_process_that_died_left_open_is_settled_while_another_one_lives(tmp_path: Path) -> None:
    settings = load_settings({"data_dir": tmp_path, "disk_reserve_mb": 0})
    database, kept = bootstrap.open_kept(served(ScriptedGenerator(lambda _: b"")), settings)
    books, now = SqlBooks(database, bootstrap.receipts_key(settings)), datetime.now(UTC)
    dead = tmp_path / "journals" / f"dead{SUFFIX}"
    for slot in (0, 1):
        books.reserve(
            Reservation(
                f"a{slot}", "o", "town", None, None, "/v1/x", "m", 5, 9, 0, now, dead.name, slot, "d", None, "e", "p"
            )
        )
    kept.tidy_books()
    assert len(books.open_reservations()) == 2  # nothing says that it died
    np.array([0, 4], np.int64).tofile(dead)
    kept.tidy_books()
    kept.tidy_books()
    (receipt,) = map(json.loads, SqlReceiptLog(database).lines())
    assert (receipt["id"], receipt["tokens"]["completion"], receipt["flags"]["reasons"]) == ("a1", 4, ["lost"])
    assert books.open_reservations() == []
    assert [path.suffix for path in dead.parent.iterdir()] == [SUFFIX]  # the living one's own
    database.close()
