"""The journal: what was counted outlives the process, and a living process keeps its own."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from galerne.errors import SettingsError
from galerne.store.journal import Journal, left_journals, remove_journal

PROCESS = """
import sys, time
from pathlib import Path
from galerne.store.journal import Journal
journal = Journal(Path(sys.argv[1]))
slots = [journal.take() for _ in range(3)]
for _ in range(7):
    journal.count(slots[1])
print(journal.name, slots[1], flush=True)
time.sleep(60)
"""


def test_what_was_counted_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", PROCESS, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    name, slot = process.stdout.readline().split()
    assert left_journals(tmp_path) == {}  # its process lives
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert left_journals(tmp_path)[name][int(slot)] == 7
    remove_journal(tmp_path, name)
    assert left_journals(tmp_path) == {}


def test_a_counter_begins_at_nothing_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    slot = journal.take()
    journal.count(slot)
    journal.give_back(slot)
    assert journal.take() == slot
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="data_dir"):
        Journal(tmp_path / "file" / "journals")


def test_a_file_that_the_disk_does_not_let_go_keeps_no_server_from_stopping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    journal = Journal(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fail)
        journal.close()
    assert set(left_journals(tmp_path)) == {journal.name}  # whoever looks next finds it, and nobody holds it
    remove_journal(tmp_path, journal.name)
    assert list(tmp_path.iterdir()) == []
