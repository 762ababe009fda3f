from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.weights.test_catalogue import VALID

from galerne.weights.catalogue import Entry
from galerne.weights.memory import estimated_memory, free_memory, machine_memory, resident_memory

PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "memory"),
    [
        ({}, PHYSICAL),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "4096\n"}, 4096),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "8192\n"}, 8192),
        ({"proc/self/cgroup": "0::/not/seen\n", "sys/fs/cgroup/memory.max": "8192\n"}, 8192),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, PHYSICAL),
        ({"proc/self/cgroup": "2:cpu:/x\n3:memory:/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "99\n"}, 99),
        ({"proc/self/cgroup": "3:memory:/a\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{2**63}\n"}, PHYSICAL),
    ],
)
def test_a_container_s_limit_is_the_machine_s_memory(files: dict[str, str], memory: int, tmp_path: Path) -> None:
    assert machine_memory(write(tmp_path, files)) == memory


MEMINFO = {"proc/meminfo": "MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable:    8 kB\n"}
CGROUP_2 = {"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "8192\n"}
CGROUP_1 = {"proc/self/cgroup": "3:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "8192\n"}


@pytest.mark.parametrize(
    ("files", "free"),
    [
        (MEMINFO, 8192),
        (MEMINFO | CGROUP_2 | {"sys/fs/cgroup/a/memory.current": "5000\n"}, 3192),
        (
            MEMINFO
            | CGROUP_2
            | {
                "sys/fs/cgroup/a/memory.current": "5000\n",
                "sys/fs/cgroup/a/memory.stat": "file 2000\ninactive_file 1000\n",
            },
            4192,
        ),
        (MEMINFO | CGROUP_2 | {"sys/fs/cgroup/a/memory.current": "9000\n"}, 0),
        (
            MEMINFO
            | CGROUP_1
            | {
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "8000\n",
                "sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 100\n",
            },
            292,
        ),
    ],
)
def test_what_a_container_uses_is_not_free_but_for_files_that_can_go(
    files: dict[str, str], free: int, tmp_path: Path
) -> None:
    assert free_memory(write(tmp_path, files)) == free


def test_a_process_has_memory_until_it_is_gone() -> None:
    assert 0 < resident_memory(os.getpid()) < PHYSICAL
    assert resident_memory(2**30) == 0


def test_this_machine_has_memory() -> None:
    assert 0 < machine_memory() <= PHYSICAL


@pytest.mark.parametrize(("kv_cache_type", "bits"), [("float16", 16), ("int8", 8 + 16 / 32)])
def test_an_estimate_grows_with_weights_and_conversation(kv_cache_type: str, bits: float) -> None:
    small = estimated_memory(Entry(**VALID, size=1000), kv_cache_type)
    assert estimated_memory(Entry(**VALID, size=2000), kv_cache_type) == small + 1300
    longer = Entry(**VALID | {"context": 256}, size=1000)
    assert estimated_memory(longer, kv_cache_type) == small + 2 * 1 * 1 * 8 * 128 * bits / 8  # keys and values
