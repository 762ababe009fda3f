"""What this machine's CPU can do, and how much of it this process may use."""

from __future__ import annotations

import ctypes
import math
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from llvmlite import binding

_AT_HWCAP = 16
_ARM_HWCAPS = {"lse": 8, "fullfp16": 10, "rcpc": 15, "dotprod": 20}
"""LLVM's names -> bits of Linux' AT_HWCAP (arch/arm64/include/uapi/asm/hwcap.h)."""


def host_cpu() -> str:
    """LLVM's name of this CPU, such as znver4."""
    return str(binding.get_host_cpu_name())


def host_features() -> frozenset[str]:
    """LLVM's names of what this CPU, and the system on it, can do."""
    features = {name for name, has in binding.get_host_cpu_features().items() if has}
    if platform.system() == "Linux" and platform.machine() == "aarch64":
        getauxval = ctypes.CDLL(None).getauxval
        getauxval.restype, getauxval.argtypes = ctypes.c_ulong, [ctypes.c_ulong]
        features |= arm_features(getauxval(_AT_HWCAP))
    return frozenset(features)


def arm_features(hwcap: int) -> set[str]:
    """What LLVM itself does not tell of an ARM CPU."""
    return {name for name, bit in _ARM_HWCAPS.items() if hwcap >> bit & 1}


def usable_threads(wanted: int) -> int:
    """How many threads to use: what is asked for, at most (0: just) what this process may use.

    More threads than CPUs would wait for one another at every barrier.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    usable = max(1, min(cpus, control_group_cpus()))
    return min(wanted, usable) if wanted else usable


def control_group_cpus(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int:
    """CPUs that the quotas of this process's control groups allow, rounded up; a large number without any."""
    limits = (limit for folder in _control_groups(root, membership) for limit in _limits(folder))
    return max(1, math.ceil(min(limits, default=1 << 16)))


def _control_groups(root: Path, membership: Path) -> Iterator[Path]:
    """The group and all that it is in: of version 2 (one tree) and of version 1 (a tree for each controller).

    A container may see its own group as the root, under a path that is the host's.
    """
    yield from (root, root / "cpu")
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            tree = root / "cpu" if controllers else root
            group = Path(path.lstrip("/"))
            yield from (tree / part for part in (group, *group.parents))


def _limits(group: Path) -> Iterator[float]:
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            quota, period = (int(word) for name in names for word in (group / name).read_text().split())
        except (OSError, ValueError):  # no such file, or "max": no limit
            continue
        if quota > 0 and period > 0:
            yield quota / period
