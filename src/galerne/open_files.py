"""How many files, connections among them, a process may have open.

Systems start programs with a low limit, often 1,024, as select(2) knows no higher numbers; who does not use it may ask
for more (https://0pointer.net/blog/file-descriptor-limits.html).
"""

from __future__ import annotations

import resource
import sys

MOST = 10_240 if sys.platform == "darwin" else 1 << 20
"""Enough. macOS refuses more than its OPEN_MAX even where it says that there is no limit; elsewhere it may be a
billion, and some programs go through all numbers below it when they start."""


def allow_open_files() -> int:
    """Raise the limit of this process, and of those that it starts from now on, as far as it may; returns it."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = MOST if most == resource.RLIM_INFINITY else min(most, MOST)
    allowed = max(limit, allowed)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
    return allowed
