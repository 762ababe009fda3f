"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

ADVANTAGES = ("avx2", "avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")
"""CPU features that decide how fast integer products are, as Linux calls them."""


def describe() -> str:
    """One line: CPU, how many of them, memory, features, system, Python."""
    facts = _cpu_facts()
    flags = set(facts.get("flags", facts.get("Features", "")).split())
    known = ", ".join(name for name in ADVANTAGES if name in flags) or "none known"
    name = facts.get("model name", platform.processor() or platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{name}, {usable_cpus()} CPUs, {memory:.0f} GiB;"
        f" features: {known}; {platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_facts() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    first = text.split("\n\n")[0]
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())}
