"""A server that is killed again and again still answers every request of its batches just once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_no_row_is_lost_and_none_told_twice() -> None:
    command = [sys.executable, "-m", "tests.crash", "--kills", "8"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["kills"] == 8
    assert figures["rows"] > 0
