"""A process may have open as many files as the system lets it."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from galerne.open_files import MOST

SAID = """
import resource, sys
from galerne.open_files import allow_open_files
resource.setrlimit(resource.RLIMIT_NOFILE, tuple(map(int, sys.argv[1:])))
print(allow_open_files(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("limit", "most"), [(64, 200), (200, 200), (64, None)])
def test_the_limit_is_raised(limit: int, most: int | None) -> None:
    most = most or resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    done = subprocess.run(
        [sys.executable, "-c", SAID, str(limit), str(most)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(min(most, MOST))] * 2 + [str(most)]
