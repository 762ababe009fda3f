"""Compiled code on disk, damaged in every way, and shared by processes that start together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from galerne.kernels.native.object_cache import cached_object

IMAGE = bytes(range(256)) * 40


class Compiler:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self) -> bytes:
        self.runs += 1
        return IMAGE


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "new" / "folder" / "kernels.o"


def test_what_was_compiled_once_is_read_the_next_time(path):
    compiler = Compiler()
    assert [cached_object(path, compiler) for _ in range(3)] == [IMAGE] * 3
    assert compiler.runs == 1
    assert path.parent.stat().st_mode & 0o77 == 0, "others may not put code there"


def flip(position: int):
    def damage(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[position] ^= 1
        return bytes(changed)

    return damage


DAMAGES = {
    "empty": lambda _: b"",
    "a bit of the digest": flip(3),
    "the first bit of the code": flip(32),
    "the last bit of the code": flip(-1),
    "cut in the digest": lambda content: content[:20],
    "cut after the digest": lambda content: content[:32],
    "cut in the code": lambda content: content[:-1],
    "longer": lambda content: content + b"\0",
    "something else": lambda _: b"\x7fELF" + bytes(100),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_made_again(damage, path):
    compiler = Compiler()
    cached_object(path, compiler)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert cached_object(path, compiler) == IMAGE
    assert compiler.runs == 2
    assert cached_object(path, compiler) == IMAGE
    assert compiler.runs == 2, "and kept"


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "taken.o").mkdir()
    for path in (tmp_path / "file" / "kernels.o", Path("/proc/nowhere/kernels.o"), tmp_path / "taken.o"):
        compiler = Compiler()
        assert [cached_object(path, compiler) for _ in range(2)] == [IMAGE] * 2
        assert compiler.runs == 2
    assert {entry.name for entry in tmp_path.iterdir()} <= {"file", "taken.o", "taken.lock"}


def test_a_compilation_that_fails_leaves_nothing_behind(path):
    def fail() -> bytes:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_object(path, fail)
    assert [entry.name for entry in path.parent.iterdir() if entry.suffix != ".lock"] == []
    assert cached_object(path, Compiler()) == IMAGE


RACE = """
import sys, time
from pathlib import Path
from galerne.kernels.native.object_cache import cached_object

def compile_slowly():
    with open(sys.argv[2], "a") as log:
        log.write("compiled\\n")
    time.sleep(0.5)
    return b"code" * 1000

assert cached_object(Path(sys.argv[1]), compile_slowly) == b"code" * 1000
"""


def test_processes_that_start_together_compile_once(path, tmp_path):
    log = tmp_path / "log"
    processes = [subprocess.Popen([sys.executable, "-c", RACE, str(path), str(log)]) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert log.read_text() == "compiled\n"


def test_a_process_that_was_killed_does_not_hold_up_the_next(path, tmp_path):
    log = tmp_path / "log"
    first = subprocess.Popen([sys.executable, "-c", RACE.replace("0.5", "60"), str(path), str(log)])
    while not log.exists():
        assert first.poll() is None
    first.kill()
    first.wait()
    assert cached_object(path, Compiler()) == IMAGE
