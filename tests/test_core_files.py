"""A process that crashes leaves no core file, nor do those that it started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CRASH = """
import os, resource, subprocess, sys
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
if "forbidden" in sys.argv:
    from galerne.core_files import forbid_core_files
    forbid_core_files()
if "child" in sys.argv:
    sys.exit(subprocess.run([sys.executable, "-c", "import os; os.abort()"]).returncode)
os.abort()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
@pytest.mark.parametrize("who", ["itself", "child"])
def test_a_crash_leaves_no_core_file(tmp_path: Path, who: str) -> None:
    done = subprocess.run([sys.executable, "-c", CRASH, "forbidden", who], cwd=tmp_path, check=False)
    assert done.returncode != 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
def test_the_kernel_knows_of_it() -> None:
    program = (
        "from galerne.core_files import forbid_core_files; forbid_core_files()\n"
        "import ctypes, resource\n"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told in ("0 (1, 1)\n", "0 (0, 0)\n")
