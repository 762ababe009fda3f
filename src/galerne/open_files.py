"""How many files, connections among them, a process may have open.

Systems start programs with a low limit, often 1,024, as select(2) knows no higher numbers; who does not use it may ask
for more (https://0pointer.net/blog/file-descriptor-limits.html).
"""

from __future__ import annotations

import resource
import sys

_MACOS_MOST = 10_240
"""OPEN_MAX of macOS, which refuses more even where it says that there is no limit."""


def allow_open_files() -> int:
    """Raise the limit of this process, and of those that it starts from now on, as far as it may; returns it."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if sys.platform == "darwin" and (most == resource.RLIM_INFINITY or most > _MACOS_MOST):
        most = max(limit, _MACOS_MOST)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return most
