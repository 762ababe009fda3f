"""A SQLite file with all tables, made once: a test's own is a copy, as the steps to it take ten times as long."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from galerne.store.database import Database
from galerne.store.schema import upgrade


def lay_out(folder: Path) -> Path:
    """Put one where a server whose data folder this is looks for it, unless there is one with content; the file."""
    file = folder / "galerne.db"
    folder.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    if not file.stat().st_size:
        file.write_bytes(_content())
    return file


@cache
def _content() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder, "ready.db")
        database = Database(f"sqlite:///{file}")
        upgrade(database)
        database.close()
        return file.read_bytes()
