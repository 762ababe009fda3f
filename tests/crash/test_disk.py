"""A process that is killed at a write, or whose disk fails, loses nothing it acknowledged, and bills nothing twice."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_the_books_hold_whatever_happens_to_the_disk() -> None:
    command = [sys.executable, "-m", "tests.crash.disk", "--points", "8", "--seed", "7"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["killed"] + figures["survived"] == 8
    assert figures["calls"] > 100
