"""Programs that are asked over a connection: what they answer, and how they end."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from galerne.child_process import ChildProcess

PROGRAM = """
import os, sys, time
from multiprocessing.connection import Connection
connection = Connection(int(sys.argv[1]))
while True:
    try:
        request = connection.recv_bytes()
    except EOFError:
        break
    if request == b"die":
        os._exit(1)
    if request == b"hang":
        time.sleep(60)
    if request == b"shout":
        request = b"x" * 2000
    connection.send_bytes(request + os.environ["SUFFIX"].encode() + str(os.getpid()).encode())
"""


@pytest.fixture
def child(tmp_path: Path) -> ChildProcess:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    return ChildProcess(program, most_bytes=1000, variables={"SUFFIX": "!"})


def pid(answer: bytes) -> int:
    return int(answer.rpartition(b"!")[2])


def test_it_answers_one_after_the_other(child: ChildProcess) -> None:
    assert not child.running
    child.start()
    answers = [child.ask(b"one", 30), child.ask(b"two", 30)]
    assert [answer.partition(b"!")[0] for answer in answers] == [b"one", b"two"]
    assert pid(answers[0]) == pid(answers[1]) != os.getpid()
    child.end()
    assert not child.running
    child.end()


@pytest.mark.parametrize(("request_", "error"), [(b"die", EOFError), (b"hang", TimeoutError), (b"shout", EOFError)])
def test_what_goes_wrong_ends_it(child: ChildProcess, request_: bytes, error: type[Exception]) -> None:
    child.start()
    first = pid(child.ask(b"x", 30))
    with pytest.raises(error):
        child.ask(request_, 0.2 if request_ == b"hang" else 30)
    assert not child.running
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    child.start()
    assert pid(child.ask(b"x", 30)) != first
    child.end()


def test_one_that_died_in_its_sleep_is_known(child: ChildProcess) -> None:
    child.start()
    os.kill(pid(child.ask(b"x", 30)), 9)
    while child.running:
        time.sleep(0.01)
    child.start()
    assert child.ask(b"x", 30).startswith(b"x!")
    child.end()


def test_whoever_waits_is_told_when_another_kills_it(child: ChildProcess) -> None:
    child.kill()  # nothing to kill yet
    child.start()
    child.ask(b"x", 30)
    timer = threading.Timer(0.1, child.kill)
    timer.start()
    with pytest.raises(EOFError):
        child.ask(b"hang", 30)
    timer.join()


def test_it_does_not_outlive_its_owner(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    child = ChildProcess(program, most_bytes=1000, variables={"SUFFIX": "!"})
    child.start()
    process = pid(child.ask(b"x", 30))
    del child
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
