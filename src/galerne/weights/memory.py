"""How much memory a model needs, and how much there is for this process."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from galerne.weights.catalogue import CacheShape, Entry

PACKING = 1.3  # the weights in memory, as multiple of the file
CONVERSATION = 8192  # tokens of one conversation that are reckoned with, where the context is larger
KEY_BYTES = {"float16": 2, "int8": 1 + 2 / 32}  # of one number in the key/value cache; 32 or more share a scale
PROCESS = 250_000_000  # the interpreter, libraries, kernels and activations

CGROUP_FILES = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""Controller of a line in /proc/self/cgroup ("" is version 2) -> the file with its limit, the file with what it uses,
and the line of memory.stat that says how much of this are files, which can go at once.

Source: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files
"""


def estimated_memory(entry: Entry, kv_cache_type: str) -> int:
    """Bytes that a model of the catalogue needs; `kv_cache_type` as `needed_memory` takes it."""
    return needed_memory(entry.weight_bytes, entry.cache, entry.context, kv_cache_type)


def needed_memory(size: int, cache: CacheShape | None, context: int, kv_cache_type: str) -> int:
    """Bytes: the weights as the engine keeps them, keys and values of one conversation, and the process itself.

    `size`: bytes of the files. `kv_cache_type`: how keys and values are kept, as the setting of that name says.
    """
    numbers = 2 * cache.layers * cache.kv_heads * cache.head_dim if cache else 0  # a key and a value per position
    kept = numbers * min(context, CONVERSATION) * KEY_BYTES[kv_cache_type]
    return int(size * PACKING) + int(kept) + PROCESS


def machine_memory(root: Path = Path("/")) -> int:
    """Bytes of memory that this process may use: the machine's, or less where a container limits it (cgroup 1, 2)."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *(limit for limit, _ in _limits(root))])


def free_memory(root: Path = Path("/")) -> int:
    """Bytes of it that nobody uses, or that can be taken at once, as files that are cached."""
    available = re.search(r"^MemAvailable: +(\d+) kB$", _text(root / "proc/meminfo"), re.MULTILINE)
    free = int(available[1]) << 10 if available else machine_memory(root)  # not Linux: who knows
    return max(0, min([free, *(limit - used for limit, used in _limits(root))]))


def resident_memory(process: int) -> int:
    """Bytes of memory that a process has; 0 when it is gone, or when this machine does not say."""
    pages = _text(Path(f"/proc/{process}/statm")).split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if pages else 0


def _limits(root: Path) -> Iterator[tuple[int, int]]:
    """The limits of this process's control group and of all groups around it, and how much of each is used."""
    for line in _text(root / "proc/self/cgroup").splitlines():  # none where it is not Linux
        _, controllers, group = line.split(":", 2)
        if controllers not in CGROUP_FILES:
            continue
        limit, used, files = CGROUP_FILES[controllers]
        mount = root / "sys/fs/cgroup" / controllers
        # In a container, the group's path may be the host's, which is not to be seen: its own then is the root.
        groups = [PurePosixPath(group), *PurePosixPath(group).parents]
        for each in groups:
            folder = mount / each.relative_to("/")
            if most := _number(_text(folder / limit)):  # none, or "max": no limit
                cached = re.search(rf"^{files} (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
                yield most, _number(_text(folder / used)) - (int(cached[1]) if cached else 0)


def _number(text: str) -> int:
    return int(text) if text.strip().isdecimal() else 0


def _text(path: Path) -> str:
    """What a file of the kernel says; nothing where there is none."""
    try:
        return path.read_text()
    except OSError:
        return ""
