"""The secret of an installation: one, whoever comes first, and for its owner alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from galerne.errors import SettingsError
from galerne.store.secret import load_secret


def test_it_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    with ThreadPoolExecutor(8) as threads:
        secrets = set(threads.map(load_secret, [path] * 64))
    assert len(secrets) == 1
    assert path.stat().st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == ["key"]


def test_one_that_is_damaged_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="fewer than 32 bytes"):
        load_secret(tmp_path / "key")


def test_one_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_secret(tmp_path / "key")
