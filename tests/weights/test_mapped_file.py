from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from galerne.weights.mapped_file import forget, map_file

SIZE = 1 << 23


def resident(path: Path) -> int:
    """Bytes of a mapped file that are in this process's memory."""
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split()[0]:
            inside = line.endswith(str(path))
        elif inside and line.startswith("Rss:"):
            return int(line.split()[1]) << 10
    raise AssertionError("it is not mapped")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is in memory")
def test_what_is_forgotten_takes_no_memory_and_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(bytes(range(256)) * (SIZE // 256))
    view = map_file(path)
    assert resident(path) < SIZE / 2
    digest = hashlib.sha256(view).digest()
    assert resident(path) == SIZE
    forget(view)
    assert resident(path) == 0
    assert hashlib.sha256(view).digest() == digest
