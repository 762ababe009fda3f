"""How much memory a model needs, and how much there is for this process."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from galerne.weights.catalogue import Entry

PACKING = 1.3  # the weights in memory, as multiple of the file
CONVERSATION = 8192  # tokens of one conversation that are reckoned with, where the context is larger
KEY_BYTES = {"float16": 2, "int8": 1 + 2 / 32}  # of one number in the key/value cache: in 8 bits, 32 share a scale
PROCESS = 250_000_000  # the interpreter, libraries, kernels and activations

CGROUP_LIMITS = {"": "memory.max", "memory": "memory.limit_in_bytes"}
"""Controller of a line in /proc/self/cgroup ("" is version 2) -> the file that has its limit."""


def estimated_memory(entry: Entry, kv_cache_type: str) -> int:
    """Bytes: the weights as the engine keeps them, keys and values of one conversation, and the process itself.

    `kv_cache_type`: how keys and values are kept, as the setting of that name says.
    """
    return int(entry.weight_bytes * PACKING) + _cache_bytes(entry, KEY_BYTES[kv_cache_type]) + PROCESS


def _cache_bytes(entry: Entry, of_a_number: float) -> int:
    if entry.cache is None:
        return 0
    numbers = 2 * entry.cache.layers * entry.cache.kv_heads * entry.cache.head_dim  # a key and a value per position
    return int(numbers * min(entry.context, CONVERSATION) * of_a_number)


def machine_memory(root: Path = Path("/")) -> int:
    """Bytes of memory that this process may use: the machine's, or less where a container limits it (cgroup 1, 2)."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *_limits(root)])


def _limits(root: Path) -> list[int]:
    """The limits of this process's control group and of all groups around it."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []  # not Linux
    limits = []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers not in CGROUP_LIMITS:
            continue
        mount = root / "sys/fs/cgroup" / controllers
        # In a container, the group's path may be the host's, which is not to be seen: its own then is the root.
        groups = [PurePosixPath(group), *PurePosixPath(group).parents]
        for each in groups:
            limits += _number(mount / each.relative_to("/") / CGROUP_LIMITS[controllers])
    return limits


def _number(path: Path) -> list[int]:
    try:
        text = path.read_text().strip()
    except OSError:
        return []
    return [int(text)] if text.isdecimal() else []  # "max": no limit
