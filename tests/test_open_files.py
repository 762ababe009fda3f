"""A process may have open as many files as the system lets it."""

from __future__ import annotations

import resource
import subprocess
import sys

FEW = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
from galerne.open_files import allow_open_files
print(allow_open_files(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def test_the_limit_is_raised() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    said = subprocess.run([sys.executable, "-c", FEW], capture_output=True, text=True, check=True).stdout.split()
    assert said == [str(most)] * 2
