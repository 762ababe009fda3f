"""No core files: the memory of a process that crashes holds what people wrote, and keys."""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h

_NONE = 1
"""Bytes of a core file: too few for one. Linux takes this very number to mean none for a program that collects them,
too (`do_coredump` in fs/coredump.c), which it would else start whatever the limit."""


def forbid_core_files() -> None:
    """For this process and all that it starts; on Linux nobody can read this one's memory as a debugger either."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    limit = _NONE if most == resource.RLIM_INFINITY else min(_NONE, most)
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
